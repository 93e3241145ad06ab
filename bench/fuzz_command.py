"""The door of the command line: random words, in a folder of files good and bad."""

import random
import tempfile
from pathlib import Path

import numpy as np

from bench.fuzz_base import command, inside
from bench.fuzz_doors import content, damaged

__all__ = ["runs_the_command"]


def runs_the_command(r: random.Random) -> str:
    """Call the command with random words, in a folder of files good and bad."""
    with tempfile.TemporaryDirectory() as place, inside(place):
        Path("bad.csv").write_bytes(content(r, ".csv"))
        Path("bad.npy").write_bytes(content(r, ".npy"))
        Path("empty").mkdir()
        damaged(r, Path("run"))
        rng = np.random.default_rng(0)
        np.save("good.npy", rng.normal(size=(40, 2)))
        Path("gaps.csv").write_text("x0,x1\n" + "".join(f"{k % 7},{'' if k % 5 else k / 3}\n" for k in range(60)))
        np.save("pictures.npy", rng.integers(0, 256, (20, 4, 4)).astype(np.uint8))
        words = _words(r)
        before = {path.name for path in Path().rglob("*")}
        code, _, err = command(words)
        shown = f"{words}: {code}\n{err[-2000:]}"
        assert code in (0, 2), shown
        assert "Traceback" not in err, shown
        assert "REALNVP_TRACEBACK" not in err, shown
        assert code == 0 or err.count("\n") == 1 or err.startswith("Usage:"), shown
        left = [path for path in Path().rglob(".*") if path.name.endswith((".tmp", ".old"))]
        assert not left, f"{shown} left {left}"
        if code == 2:
            new = {path.name for path in Path().rglob("*")} - before
            assert not new - {"runs", "checkpoint.safetensors"}, f"{shown} left {new}"
        return err


def _words(r: random.Random) -> list[str]:
    data = r.choice(
        [
            *["good.npy"] * 4,
            "gaps.csv",
            "gaps.csv",
            "pictures.npy",
            "pictures.npy",
            "bad.csv",
            "bad.npy",
            "empty",
            "none.csv",
            "run",
            "x",
            "",
        ]
    )
    values = [
        "0",
        "1",
        "2",
        "-1",
        "nan",
        "inf",
        "1e-9",
        "x",
        "",
        "99999999999999999999",
        "é",
        "x0",
        "x0,x1",
        "a=1",
        "x0=discrete",
        "marginalise",
    ]
    quick = ["--max-steps", "1", "--width", "4", "--layers", "1", "--no-figures"]
    options = {
        "fit": ["--kernel", "--base", "--layers", "--width", "--columns", "--context", "--rows", "--architecture"],
        "boltzmann": ["--n-features", "--bounds", "--kernel", "--layers", "--objective", "--batch-size", "--lr"],
        "sample": ["-n", "--context", "--temperature", "--seed"],
        "score": ["--split", "--data-dir"],
        "info": ["--json"],
        "export": ["--more", "--out"],
        "impute": ["--seed"],
        "report": ["--out"],
    }
    options["fit"] += ["--max-steps", "--max-time", "--batch-size", "--lr", "--seed", "--checkpoint-every", "--memory"]
    options["fit"] += ["--missing", "--kinds", "--bounds", "--drop", "--members", "--dropout"]
    options["sample"] += ["--potential"]
    name = r.choice([*options, "fit", "fit", "sample", "score"])
    outs = ["new.csv", "new.npy", "new.parquet", "new.png", "new", "empty", "good.npy", "no/where.csv", "", "run"]
    out = ["--out", r.choice(outs)] if r.random() < 0.8 else []
    first = {"fit": [data, *quick], "boltzmann": [r.choice(["u1", "x", "json:loads", "a:b", ":"]), *quick]}
    first |= {
        "sample": ["run", *out],
        "score": ["run", data, *out],
        "info": ["run"],
        "export": [r.choice(["run", "x"]), *r.choice([[], ["--onnx"]])],
        "impute": ["run", data, *out],
        "report": ["run"],
    }
    words = [name, *first[name]]
    for _ in range(r.choice([0, 0, 1, 2])):
        words += [r.choice(options[name]), r.choice(values)]
    flags = ["--force", "--quiet", "--by-label", "--flips", "--resume", "--corrected", "--json", "--bogus", "--summary"]
    words += [r.choice(flags)] if r.random() < 0.3 else []
    return words + (out if name in ("fit", "boltzmann") else [])
