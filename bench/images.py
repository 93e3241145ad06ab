"""Bits per dimension of pictures: ``python -m bench.images``.

digits: ours beside a Gaussian mixture and zuko's flows, on the same pictures, all dequantised with 17 levels.
mnist: held-out bits per dimension against minutes, the multi-scale flow and the flat one.
cost: time and memory of a training step, a score and a sample against depth and side.
throughput: pictures a second in training, and the share of the machine's matrix-multiply peak.
"""

import argparse
import time

import torch

from bench.common import heading, table
from bench.digits import digits
from bench.image_cost import cost, throughput
from realnvp import ImageRealNVP
from realnvp.data.images import ImageSet, image_set


def curve(
    data: ImageSet, name: str, minutes: float, device: str | None, params: dict
) -> tuple[list[tuple[float, float]], list[str]]:
    """Train one flow for ``minutes``: its curve of (minutes, held-out bits), and its row of final figures."""
    model = ImageRealNVP(max_steps=10**7, max_time=60 * minutes, random_state=0, verbose=False, device=device, **params)
    model.callbacks = [
        lambda r: print(
            f"  {name}: {r.seconds / 60:.2f} min, step {r.step}, {r.held_out:.4f}, best {r.best:.4f}", flush=True
        )
    ]
    start = time.perf_counter()
    model.fit(data.train)
    spent = time.perf_counter() - start
    bits = model.bits_per_dim(data.test, draws=1)
    last = model.history_[-1]
    rate = last["step"] * model.batch_size / last["seconds"]
    row = [
        name,
        f"{bits.value:.4f} ± {bits.error:.4f}",
        f"{last['best']:.4f}",
        f"{spent / 60:.1f}",
        str(last["step"]),
        f"{rate:.0f}",
    ]
    return [(r["seconds"] / 60, r["best"]) for r in model.history_], row


def curves(set_name: str, minutes: float, device: str | None, data_dir: str | None, kinds: list[str]) -> str:
    """Held-out bits per dimension against minutes, and the test pictures at the end."""
    data = image_set(set_name, data_dir)
    flat = {"architecture": "flat", "kernel": "affine", "batch_size": 100, "lr": 1e-3, "early_stopping": False}
    params = {
        "multi-scale": {"early_stopping": False},
        "multi-scale, affine": {"kernel": "affine", "early_stopping": False},
        "flat as published, 64-128-128-64": flat,
        "flat as published, 512-wide": flat | {"width": 512},
        "real_nvp": {"architecture": "real_nvp", "kernel": "affine", "early_stopping": False},
    }
    chosen = [name for name in params if not kinds or name in kinds or name.split()[0].strip(",") in kinds]
    found = {name: curve(data, name, minutes, device, params[name]) for name in chosen}
    marks = [m for m in (0.5, 1, 2, 3, 5, 10, 15, 20, 25, 30, 60, 120, 240) if m < minutes] + [minutes]
    rows = [[name, *(_at(course, m) for m in marks)] for name, (course, _) in found.items()]
    ends = ["model", "test bits/dim", "best of validation", "minutes", "steps", "pictures a second"]
    return "\n\n".join(
        [
            table(["best of validation by minute", *(f"{m:g}" for m in marks)], rows),
            table(ends, [row for _, row in found.values()]),
        ]
    )


def _at(course: list[tuple[float, float]], minute: float) -> str:
    before = [bits for at, bits in course if at <= minute + 0.05]
    return f"{before[-1]:.4f}" if before else ""


def main() -> None:
    """Run the parts asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--parts", default="digits,mnist,cost", help="of digits, mnist, fashion_mnist, cifar10, cost, throughput"
    )
    parser.add_argument("--seeds", type=int, default=3, help="of digits")
    parser.add_argument("--seconds", type=float, default=300, help="most seconds of each model of digits")
    parser.add_argument("--minutes", type=float, default=30, help="of each curve")
    parser.add_argument(
        "--kinds", default="multi-scale,flat", help="curves: multi-scale (two kernels), flat (two widths), real_nvp"
    )
    parser.add_argument("--data-dir", help="folder of the picture sets, else REALNVP_DATA or the network")
    parser.add_argument("--device", help="where to train; by default the accelerator if there is one")
    parser.add_argument("--threads", type=int, help="processor threads")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    print(heading("python -m bench.images"), flush=True)
    for part in options.parts.split(","):
        if part == "digits":
            print(f"\n{digits(options.seeds, options.seconds)}", flush=True)
        elif part == "throughput":
            print(f"\n{throughput(options.device)}", flush=True)
        elif part == "cost":
            print(f"\n{cost()}", flush=True)
        else:
            found = curves(part, options.minutes, options.device, options.data_dir, options.kinds.split(","))
            print(f"\n{part}\n\n{found}", flush=True)


if __name__ == "__main__":
    main()
