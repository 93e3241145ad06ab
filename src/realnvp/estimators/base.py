"""What the estimators share: architectures written as plain data, seeds, devices, tensors from arrays."""

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from torch import Tensor, nn

from realnvp.bases import Base, Logistic, Mixture, Normal
from realnvp.data.check import check_scale
from realnvp.errors import InputError, nearest
from realnvp.flow import Flow
from realnvp.nets import Standard
from realnvp.recipes import nice, real_nvp, spline_flow
from realnvp.transforms import Compose, Coupling, Embed, LULinear, Standardise, Transform

__all__ = [
    "BASES",
    "CHUNK",
    "KERNELS",
    "LAYERS",
    "PRECISIONS",
    "Seed",
    "architecture",
    "build",
    "check_params",
    "chosen",
    "context_rows",
    "count_of",
    "device_of",
    "drawn",
    "gradients",
    "hold_out",
    "in_chunks",
    "mean_objective",
    "mixture_base",
    "scaled",
    "scalers",
    "seed_of",
    "seeded",
    "tensor",
    "whole",
]

KERNELS: dict[str, Callable[..., Flow]] = {"additive": nice, "affine": real_nvp, "spline": spline_flow}
BASES: dict[str, Callable[..., Base]] = {"logistic": Logistic, "mixture": Mixture, "normal": Normal}
LAYERS = {"additive": 8, "affine": 10, "spline": 4}
"""How many couplings ``layers="auto"`` means: a spline bends more than a scaling does."""
PRECISIONS = {"float32": None, "bf16": torch.bfloat16}
CHUNK = 16_384
"""Rows worked on at a time outside training: enough to keep the cores busy, little enough to stay in cache."""

Choice = TypeVar("Choice")
Seed = int | np.random.RandomState | np.random.Generator | None
Method = TypeVar("Method", bound=Callable[..., object])


def chosen(what: str, name: object, choices: dict[str, Choice]) -> Choice:
    """Look ``name`` up, or say which names there are."""
    if not isinstance(name, str) or name not in choices:
        raise InputError(f"unknown {what} {name!r}{nearest(str(name), choices)}")
    return choices[name]


def architecture(model: Any, arrays: Sequence[np.ndarray]) -> dict:
    """Return the plain data that ``build`` makes a flow from, for these parameters and this data (and context)."""
    return {
        "features": arrays[0].shape[1],
        "context": arrays[1].shape[1] if len(arrays) > 1 else 0,
        "components": min(8, len(arrays[0]) // 2),
        "layers": LAYERS.get(model.kernel, 0) if model.layers == "auto" else int(model.layers),
        "width": int(model.width),
        **{name: getattr(model, name) for name in ("kernel", "base", "precision")},
    }


def build(shape: dict, seed: int) -> Flow:
    """Build the flow that ``shape`` describes, its first weights drawn from ``seed``.

    ``shape`` is plain data (JSON), the same that a run folder keeps: features, context, kernel, layers, width,
    base, components, precision.
    """
    recipe = chosen("kernel", shape["kernel"], KERNELS)
    make = chosen("base", shape["base"], BASES)
    features, width = shape["features"], shape["width"]
    parts = (shape["components"],) if shape["base"] == "mixture" else ()
    with seeded(seed):
        flow = recipe(
            features,
            context=shape["context"],
            layers=shape["layers"],
            hidden=(width, width),
            between=LULinear if features > 1 else None,
            base=make(features, *parts),
        )
    dtype = chosen("precision", shape["precision"], PRECISIONS)
    for module in flow.modules():
        if isinstance(module, Coupling):
            module.compute = dtype
    return flow.float()  # whatever default dtype the user has set


def whole(core: Flow) -> Flow:
    """Put the standardisation of the data, and of the context, before ``core``; parameters are shared."""
    (features,) = core.event_shape
    transform: Transform = Compose(Standardise(features), core.transform)
    if core.context:
        transform = Embed(transform, Standard(core.context), core.context)
    return Flow(transform, core.base)


def scalers(flow: Flow) -> list[Standardise | Standard]:
    """Return the scaler of the data and, if there is one, that of the context, of a flow that ``whole`` made."""
    if isinstance(flow.transform, Embed):
        return [flow.transform.transform[0], flow.transform.net]  # type: ignore[index, list-item]
    return [flow.transform[0]]  # type: ignore[index]


def scaled(flow: Flow, arrays: Sequence[np.ndarray]) -> list[Tensor]:
    """Standardise float64 arrays (data, context) in float64, then round: float32 tensors on the flow's device."""
    found = []
    for scaler, a in zip(scalers(flow), arrays, strict=True):
        value = scaler(tensor(a).to(scaler.loc.device))
        found.append((value if isinstance(value, Tensor) else value[0]).float())
    return found


def tensor(a: np.ndarray) -> Tensor:
    """Return the array as a tensor, without a copy where NumPy allows writing to it."""
    return torch.from_numpy(np.require(a, requirements=["C", "W"]))


def mixture_base(z: Tensor, components: int, seed: int) -> Mixture:
    """Fit a Gaussian mixture to ``z``: a flow that starts at the identity then starts as good as the mixture."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a start need not have converged
        found = GaussianMixture(components, reg_covar=1e-4, random_state=seed % 2**32).fit(
            z[:20_000].double().cpu().numpy()
        )
    return Mixture.from_sklearn(found)


def hold_out(rows: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return the indices of the rows held out (at most half, at most 10,000) and of those trained on.

    Below 10 rows, or with a fraction of 0, all rows are trained on and the first 10,000 of them measured on.
    """
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    held = min(max(1, round(fraction * rows)), rows // 2, 10_000) if rows >= 10 and fraction else 0
    return (order[:held], order[held:]) if held else (order[:10_000], order)


def context_rows(
    context: ArrayLike | None, rows: int, wanted: int | None = None, *, shared: bool = False
) -> np.ndarray | None:
    """Check a context and return it as (rows, C) float64; where ``shared``, (C,) stands for all rows and stays so.

    ``wanted`` is the number of columns the model was fitted with; ``None`` takes what comes.
    """
    if context is None:
        if wanted:
            raise InputError(f"this model was fitted with {wanted} context columns: pass context=")
        return None
    if wanted == 0:
        raise InputError("this model was fitted without context: leave context out")
    given = np.asarray(context)
    C = check_array(given[None] if given.ndim == 1 and shared else given, dtype=np.float64, input_name="context")
    if wanted is not None and C.shape[1] != wanted:
        raise InputError(f"context has {C.shape[1]} columns, the model was fitted with {wanted}")
    check_scale(C, [f"c{i}" for i in range(C.shape[1])])
    if len(C) == 1 and shared:
        return C[0]
    if len(C) != rows:
        raise InputError(f"context has {len(C)} rows, the data {rows}: pass one row of context for each row")
    return C


def check_params(model: Any) -> None:
    """Refuse constructor parameters that make no sense, by name."""
    for name, least in {"layers": 1, "width": 1, "batch_size": 1, "max_steps": 0}.items():
        value = getattr(model, name)
        if name == "layers" and value == "auto":
            continue
        if isinstance(value, bool | np.bool_) or not isinstance(value, Integral) or value < least:
            raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")
    for name in ("lr", "max_time", "validation_fraction"):
        value = getattr(model, name)
        if not isinstance(value, Real) and not (name == "max_time" and value is None):
            raise InputError(f"{name} must be a number, got {value!r}")
    if not 0 < model.lr < float("inf"):
        raise InputError(f"lr must be positive and finite, got {model.lr!r}")
    if model.max_time is not None and not model.max_time > 0:
        raise InputError(f"max_time must be a positive number of seconds, got {model.max_time!r}")
    if not 0 <= model.validation_fraction < 1:
        raise InputError(f"validation_fraction must lie in [0, 1), got {model.validation_fraction!r}")
    if model.compile not in (True, False, "auto"):
        raise InputError(f"compile must be True, False or 'auto', got {model.compile!r}")
    if model.memory != "stored":
        raise InputError(f"memory must be 'stored', got {model.memory!r}")


def drawn(draw: Callable[[int], ArrayLike], n: int, features: int) -> np.ndarray:
    """Return a fresh batch of a stream as (n, features) float64."""
    rows = np.asarray(draw(n), dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != features:
        raise InputError(f"draw({n}) gave an array of shape {rows.shape}: give (n, {features}) at every call")
    return rows


def gradients(method: Method) -> Method:
    """Let a method take gradients wherever it is called, inside ``torch.no_grad()`` too."""

    @functools.wraps(method)
    def wrapped(*args: object, **kwargs: object) -> object:
        with torch.inference_mode(False), torch.enable_grad():
            return method(*args, **kwargs)

    return cast(Method, wrapped)


def count_of(n: object) -> int:
    """Return a number of samples as an int, or say what is wrong with it."""
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise InputError(f"the number of samples must be a whole number of at least 1, got {n!r}")
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


@torch.no_grad()
def in_chunks(
    function: Callable[..., Tensor], arrays: Sequence[np.ndarray | None], flow: Flow, *, rows: int = CHUNK
) -> np.ndarray:
    """Apply ``function(x, …)`` to float64 rows on the flow's device, ``rows`` at a time, and return float64."""
    device = next(flow.buffers()).device
    total = len(arrays[0])  # type: ignore[arg-type]
    parts = []
    for start in range(0, max(total, 1), rows):
        pieces = (None if a is None else tensor(a[start : start + rows]).to(device) for a in arrays)
        parts.append(function(*pieces).cpu().numpy())
    return np.concatenate(parts).astype(np.float64, copy=False)


@torch.no_grad()
def mean_objective(objective: nn.Module, rows: Sequence[Tensor]) -> float:
    """Mean of ``objective`` over all rows, a chunk at a time, in evaluation mode."""
    was = objective.training
    objective.eval()
    pieces = zip(*(a.split(CHUNK) for a in rows), strict=True)
    total = sum(len(p[0]) * float(objective(p[0] if len(p) == 1 else p)) for p in pieces)
    objective.train(was)
    return total / len(rows[0])
