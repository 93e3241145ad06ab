"""What users pass to an estimator, checked: names, numbers, seeds, devices."""

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar, cast

import numpy as np
import torch

from realnvp.errors import InputError, nearest
from realnvp.train.world import here

__all__ = [
    "CHUNK",
    "LAYERS",
    "MOST",
    "WIDE",
    "Seed",
    "check_params",
    "chosen",
    "chunk_of",
    "count_of",
    "device_of",
    "dtype_of",
    "fitting",
    "plain_params",
    "precision_of",
    "seed_of",
    "seeded",
]

CHUNK = 16_384
"""Rows worked on at a time outside training: enough to keep the cores busy, little enough to stay in cache."""

MOST = 10**18
"""Rows that may be asked for at once: more would not end."""

WIDE = 128
"""Width of the nets from which half-width products save more than the conversions cost."""

LAYERS = {"additive": 8, "affine": 10, "spline": 4}
"""How many couplings ``layers="auto"`` means: a spline bends more than a scaling does."""

_WHOLE = {
    "layers": (1, 10_000),
    "width": (1, 100_000),
    "scales": (1, 100),
    "blocks": (0, 1000),
    "batch_size": (1, 10**9),
    "max_steps": (0, 10**12),
    "particles": (16, 10**9),
    "members": (1, 100),
}
"""The least that each number of the constructor may be, and the most: beyond it building would not end."""

Choice = TypeVar("Choice")
Seed = int | np.random.RandomState | np.random.Generator | None
Method = TypeVar("Method", bound=Callable[..., object])


def chosen(what: str, name: object, choices: dict[str, Choice]) -> Choice:
    """Look ``name`` up, or say which names there are."""
    if not isinstance(name, str) or name not in choices:
        raise InputError(f"unknown {what} {name!r}{nearest(str(name), choices)}")
    return choices[name]


def check_params(model: Any, auto: Sequence[str] = ("layers",)) -> None:
    """Refuse constructor parameters that make no sense, by name; those of ``auto`` may be ``"auto"``."""
    for name, (least, most) in _WHOLE.items():
        if not hasattr(model, name):
            continue
        value = getattr(model, name)
        if name in auto and value == "auto":
            continue
        if isinstance(value, bool | np.bool_) or not isinstance(value, Integral) or value < least:
            raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")
        if int(value) > most:
            raise InputError(f"{name} must be a whole number of at most {most:,}, got {value!r}")
    if model.batch_size != "auto" and model.batch_size < here().size:
        raise InputError(f"batch_size must be at least {here().size}, a row for each process, got {model.batch_size!r}")
    for name in ("lr", "max_time", "validation_fraction"):
        value = getattr(model, name, 0)
        if name in auto and value == "auto":
            continue
        if not isinstance(value, Real) and not (name == "max_time" and value is None):
            raise InputError(f"{name} must be a number, got {value!r}")
    if model.lr != "auto" and not 0 < model.lr < float("inf"):
        raise InputError(f"lr must be positive and finite, got {model.lr!r}")
    if model.max_time is not None and not model.max_time > 0:
        raise InputError(f"max_time must be a positive number of seconds, got {model.max_time!r}")
    if not 0 <= getattr(model, "validation_fraction", 0) < 1:
        raise InputError(f"validation_fraction must lie in [0, 1), got {model.validation_fraction!r}")
    if getattr(model, "marginals", "auto") not in (True, False, "auto"):
        raise InputError(f"marginals must be True, False or 'auto', got {model.marginals!r}")
    dropout = getattr(model, "dropout", "auto")
    if dropout != "auto" and (
        isinstance(dropout, bool) or not isinstance(dropout, Real) or not 0 <= float(dropout) < 1
    ):
        raise InputError(f"dropout must lie in [0, 1), or be 'auto', got {dropout!r}")
    if getattr(model, "compile", "auto") not in (True, False, "auto"):
        raise InputError(f"compile must be True, False or 'auto', got {model.compile!r}")
    if getattr(model, "memory", "stored") not in ("stored", "constant"):
        raise InputError(f"memory must be 'stored' or 'constant', got {model.memory!r}")
    _check_callbacks(getattr(model, "callbacks", None))


def _check_callbacks(given: object) -> None:
    """Refuse all but functions in a list, or in what is as good as one."""
    if given is None:
        return
    wanted = "callbacks must be a list of functions of a record"
    if not isinstance(given, Collection):
        raise InputError(f"{wanted}, got {given!r}{': put it into a list' if callable(given) else ''}")
    for callback in given:
        if isinstance(callback, type):
            name = callback.__name__
            raise InputError(f"{wanted}, and one is the class {name}: give what {name}(…) makes")
        if not callable(callback):
            raise InputError(f"{wanted}, and one is {callback!r}: leave it out")


def chunk_of(features: int) -> int:
    """Rows worked on at a time: fewer where each has many features."""
    return max(64, CHUNK * 64 // max(64, features))


def count_of(n: object, what: str = "the number of samples") -> int:
    """Return a number as an int, or say what is wrong with it."""
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise InputError(f"{what} must be a whole number of at least 1, got {n!r}")
    if int(n) > MOST:
        raise InputError(f"{what} must be at most {MOST:,}, got {n}")
    return int(n)


def seed_of(random_state: object) -> int:
    """Return a seed: the number given, a draw from the generator given, or a fresh one for ``None``."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, Integral):
        seed = int(random_state)
        if not 0 <= seed < 2**63:
            raise InputError(f"random_state must lie between 0 and 2**63 - 1, got {seed}")
        return seed
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    raise InputError(f"random_state must be a number, a NumPy generator or None, got {random_state!r}")


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from ``seed`` on the processor inside, and leave the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def device_of(name: str | torch.device | None) -> torch.device:
    """Return the device of that name; without one, the accelerator if there is one, else the processor."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"there is no device {str(name)!r} here ({reason}): leave device out") from error
    return torch.device(name)


def dtype_of(dtype: torch.dtype | None) -> torch.dtype:
    """Return what a law is to be computed in; by default torch's default."""
    if dtype is None:
        return torch.get_default_dtype()
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise InputError(f"dtype must be a torch dtype of floating point, such as torch.float64, got {dtype!r}")
    return dtype


def precision_of(name: str, device: torch.device) -> str:
    """Return what ``precision="auto"`` means here: ``"bf16"`` where the device multiplies it fast."""
    chosen("precision", name, dict.fromkeys(("auto", "bf16", "float32")))
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    fast = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()  # bool() is False: older versions do not say
    return "bf16" if device.type == "cpu" and fast else "float32"


def fitting(method: Method) -> Method:
    """Make a method take gradients wherever it is called, and leave the estimator as it was where it fails."""

    @functools.wraps(method)
    def wrapped(self: Any, *args: object, **kwargs: object) -> object:
        before = vars(self).copy()
        try:
            with torch.inference_mode(False), torch.enable_grad():
                return method(self, *args, **kwargs)
        except BaseException:
            if vars(self).get("flow_") is before.get("flow_"):  # else an interrupt left the best model so far
                vars(self).clear()
                vars(self).update(before)
            raise
        finally:
            vars(self).pop("_now", None)

    return cast(Method, wrapped)


def plain_params(model: Any) -> dict[str, object]:
    """Return the constructor's parameters that a run folder keeps: a generator's state is not among them."""
    params = {k: v for k, v in model.get_params().items() if k not in ("callbacks", "device")}
    if not isinstance(params["random_state"], int | np.integer | None):
        params["random_state"] = None
    if isinstance(kinds := params.get("kinds"), Mapping):
        params["kinds"] = {str(name): kind for name, kind in kinds.items()}
    return params
