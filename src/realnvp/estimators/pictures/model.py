"""What is done with a fitted flow of pictures: scoring, drawing, moving in the latent space, painting."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from realnvp.errors import InputError
from realnvp.estimators.parts.base import Seed, count_of, seed_of
from realnvp.estimators.parts.now import Watched
from realnvp.estimators.parts.rows import plain_array
from realnvp.estimators.pictures.base import (
    dequantised,
    log_probs,
    picture_array,
    picture_tensor,
    piece_of,
    whole_numbers,
)
from realnvp.estimators.pictures.labels import Labels
from realnvp.estimators.pictures.latents import between, blends, corners
from realnvp.estimators.pictures.painting import Painter
from realnvp.flow import Flow
from realnvp.measure import Estimate
from realnvp.train.progress import progress_bar

__all__ = ["PictureModel"]


class PictureModel(Watched, DensityMixin, BaseEstimator):
    """The part of ``ImageRealNVP`` that needs a flow and no training."""

    flow_: Flow
    noise_: Flow | None
    architecture_: dict[str, Any]
    labels_: Labels
    grey_: bool
    levels: int
    verbose: bool

    def score_samples(
        self, images: ArrayLike, context: ArrayLike | None = None, *, draws: int = 4, random_state: Seed = 0
    ) -> np.ndarray:
        """Log probability of each picture in nats, the mean over ``draws`` of the noise: (n,) float64."""
        k, given = self._read(images, context)
        generator = torch.Generator().manual_seed(seed_of(random_state))
        return log_probs(self.flow_, k, given, self.levels, _whole("draws", draws, 1), generator, self.noise_)

    def score(self, images: ArrayLike, y: object = None, context: ArrayLike | None = None) -> float:
        """Mean of ``score_samples``: nats per picture, higher is better."""
        return float(self.score_samples(images, context).mean())

    def outlier_scores(
        self, images: ArrayLike, context: ArrayLike | None = None, *, draws: int = 4, random_state: Seed = 0
    ) -> np.ndarray:
        """Bits per dimension of each picture, (n,): high where the model finds it unlikely.

        Plain pictures (a flat background) can score lower than the data: unlikely is not the same as unlike.
        """
        log_prob = self.score_samples(images, context, draws=draws, random_state=random_state)
        scores: np.ndarray = -log_prob / (self.flow_.event_shape.numel() * math.log(2))
        return scores

    def bits_per_dim(
        self, images: ArrayLike, context: ArrayLike | None = None, *, draws: int = 4, random_state: Seed = 0
    ) -> Estimate:
        """Return the mean of ``-log2 p(k) / D`` over the pictures and its standard error; lower is better.

        For each picture the mean over ``draws`` of the noise is taken first; the error is that of the pictures' mean.
        Uniformly random pictures need at least ``log2(levels)`` bits per dimension in the mean, whatever the model.
        """
        bits = self.outlier_scores(images, context, draws=draws, random_state=random_state)
        error = bits.std(ddof=1) / math.sqrt(len(bits)) if len(bits) > 1 else math.nan
        return Estimate(float(bits.mean()) if len(bits) else math.nan, float(error))

    def transform(self, images: ArrayLike, context: ArrayLike | None = None) -> np.ndarray:
        """Latents of pictures, float32 of the shape of the images, standard normal where the fit is good.

        The noise is put to 1/2, so that ``inverse_transform`` gives the pictures back.
        """
        return picture_array(self._encode(*self._read(images, context)), self.grey_)

    def inverse_transform(self, Z: ArrayLike, context: ArrayLike | None = None) -> np.ndarray:
        """Pictures, uint8, of latents."""
        check_is_fitted(self, "flow_")
        latents = plain_array(Z, "Z")
        if latents.dtype.kind not in "biuf":
            raise InputError(f"Z has dtype {latents.dtype}: pass what transform gave")
        z = torch.from_numpy(np.array(latents, dtype=np.float32))
        z = (z[..., None] if self.grey_ and z.dim() == 3 else z).movedim(-1, min(1, z.dim() - 1))
        if z.shape[1:] != self.flow_.event_shape:
            raise InputError(f"Z has shape {np.shape(Z)}: pass what transform gave")
        if wrong := int((~z.isfinite()).sum()):
            raise InputError(f"Z holds {wrong:,} values that are not finite numbers: pass what transform gave")
        return self._decode(z, self.labels_.read(context, len(z), shared=True))

    def sample(
        self,
        n_samples: int = 1,
        context: ArrayLike | None = None,
        *,
        temperature: float = 1.0,
        random_state: Seed = None,
    ) -> np.ndarray:
        """Draw pictures, uint8; ``temperature`` multiplies the noise: below 1, likelier pictures and fewer kinds.

        ``context``: one label (or row of features) for all, or one for each.
        """
        pieces = self.iter_samples(n_samples, context, temperature=temperature, random_state=random_state)
        return np.concatenate(list(pieces))

    def iter_samples(
        self,
        n_samples: int,
        context: ArrayLike | None = None,
        *,
        temperature: float = 1.0,
        random_state: Seed = None,
    ) -> Iterator[np.ndarray]:
        """Draw the same pictures as ``sample``, a piece at a time."""
        check_is_fitted(self, "flow_")
        n_samples = count_of(n_samples)
        if not isinstance(temperature, int | float | np.number) or not 0 <= temperature < math.inf:
            raise InputError(f"temperature must be a finite number of at least 0, got {temperature!r}")
        given = self.labels_.read(context, n_samples, shared=True)
        generator = torch.Generator(self._device).manual_seed(seed_of(random_state))
        size = piece_of(self.flow_.event_shape)
        for start in range(0, n_samples, size):
            z = temperature * self.flow_.base.sample(min(size, n_samples - start), generator).detach()
            yield self._decode(z, None if given is None else given[start : start + size])

    def interpolate(self, a: ArrayLike, b: ArrayLike, steps: int = 8, context: ArrayLike | None = None) -> np.ndarray:
        """Pictures on the way from picture ``a`` to picture ``b``: ``(steps, H, W)`` or ``(steps, H, W, C)``.

        The way is ``cos(phi) z_a + sin(phi) z_b`` in latent space. ``context`` is one for both, or one for each: then
        it goes on the straight line.
        """
        ends = [plain_array(picture, "a picture") for picture in (a, b)]
        if ends[0].shape != ends[1].shape:
            raise InputError(f"a path goes between two pictures of one shape, got {ends[0].shape} and {ends[1].shape}")
        k, given = self._read(np.stack(ends), context, shared=True)
        z, steps = self._encode(k, given), _whole("steps", steps, 2)
        return self._decode(between(z[0], z[1], steps), given if given is None else blends(given, steps))

    def manifold(self, images: ArrayLike, steps: int = 8, context: ArrayLike | None = None) -> np.ndarray:
        """Pictures between four, which stand in the corners: ``(steps, steps, H, W)``, or with channels behind."""
        k, given = self._read(images, context, shared=True)
        if len(k) != 4:
            raise InputError(f"a manifold is spanned by four pictures, got {len(k)}")
        grid = corners(self._encode(k, given), _whole("steps", steps, 2)).flatten(0, 1)
        found = self._decode(grid, given if given is None else blends(given, steps).flatten(0, 1))
        return found.reshape(steps, steps, *found.shape[1:])

    def inpaint(
        self,
        images: ArrayLike,
        mask: ArrayLike,
        context: ArrayLike | None = None,
        *,
        steps: int = 500,
        step: float = 50.0,
        delay: float = 100.0,
        random_state: Seed = None,
    ) -> np.ndarray:
        """Fill in the pixels where ``mask`` is true by Langevin steps on log p; the others are returned as they are.

        ``mask`` is boolean, of the shape of the images, of one of them, or (H, W). The walk begins at the draw of the
        flow, of 16, that goes best with the other pixels. Step ``i`` has the size ``step / (delay + i)``, drift and
        noise decreasing with it; it is taken in the logits of the pixels, the gradients scaled by their size so far.
        More steps come nearer to draws of the flow given the other pixels. The other pixels' noise is uniform, or, of a
        model with ``dequantisation="variational"``, drawn from the flow that has learnt it.
        """
        if not (step > 0 and delay > 0 and step + delay < math.inf):
            raise InputError(f"step and delay must be positive and finite, got {step!r} and {delay!r}")
        k, given = self._read(images, context)
        hidden = _mask(mask, k, self.grey_)
        generator = torch.Generator().manual_seed(seed_of(random_state))
        painter = Painter(self.flow_, self.noise_, self.levels, generator)
        walk = {"steps": _whole("steps", steps, 1), "step": step, "delay": delay}
        bar = progress_bar(self.verbose, "painting")
        found, size = [], piece_of(self.flow_.event_shape)
        for at in range(0, len(k), size):
            piece, holes = k[at : at + size].to(self._device), hidden[at : at + size].to(self._device)
            c = None if given is None else given[at : at + size].to(self._device)
            part = 100 * len(piece) / len(k)
            with torch.inference_mode(False), torch.enable_grad():
                new = painter.fill(piece, holes, c, lambda share, part=part: bar.update(part * share), **walk)  # type: ignore[misc]
            found.append(new.cpu())
        bar.close()
        return picture_array(torch.cat(found) if found else k, self.grey_)

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """Shape of one picture, (H, W) or (H, W, C)."""
        channels, high, wide = self.architecture_["shape"]
        return (high, wide) if self.grey_ else (high, wide, channels)

    @property
    def _device(self) -> torch.device:
        return next(self.flow_.buffers()).device

    def _read(
        self, images: ArrayLike, context: ArrayLike | None, *, shared: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        check_is_fitted(self, "flow_")
        k = picture_tensor(images, self.levels, self.architecture_["shape"])
        return k, self.labels_.read(context, len(k), shared=shared)

    def _encode(self, k: Tensor, context: Tensor | None) -> Tensor:
        return self._in_pieces(lambda k, c: self.flow_(dequantised(k, self.levels), c)[0], k, context)

    def _decode(self, z: Tensor, context: Tensor | None) -> np.ndarray:
        found = self._in_pieces(lambda z, c: self._drawn(z, c), z, context)
        return picture_array(found, self.grey_)

    def _drawn(self, z: Tensor, context: Tensor | None) -> Tensor:
        x, _ = self.flow_.inverse(z, context)
        if not bool(x.isfinite().all()):
            raise InputError("these latents lie too far out: the flow makes no finite numbers of them, scale them down")
        return whole_numbers(x, self.levels)

    @torch.no_grad()
    def _in_pieces(
        self, function: Callable[[Tensor, Tensor | None], Tensor], x: Tensor, context: Tensor | None
    ) -> Tensor:
        """Apply a function a piece at a time, on the flow's device."""
        size = piece_of(self.flow_.event_shape)
        contexts = [None] * (len(x) // size + 1) if context is None else context.split(size)
        pieces = zip(x.split(size), contexts, strict=False)
        return torch.cat([function(a.to(self._device), None if c is None else c.to(self._device)) for a, c in pieces])


def _mask(mask: ArrayLike, k: Tensor, grey: bool) -> Tensor:
    """Return a mask (n, C, H, W) from one of the images' shape, of one image, or of (H, W)."""
    given = plain_array(mask, "mask")
    if given.dtype != bool:
        raise InputError(f"a mask is boolean, true where to paint; got dtype {given.dtype}")
    n, channels, high, wide = k.shape
    pixels = given.shape[-2:] if grey or given.ndim == 2 else given.shape[-3:]
    if tuple(pixels) not in ((high, wide), (high, wide, channels)) or given.ndim > 4:
        raise InputError(f"a mask of shape {given.shape} does not fit {n} pictures of {high} x {wide}")
    holes = torch.from_numpy(np.array(given))
    holes = holes[..., None] if len(pixels) == 2 else holes
    if holes.dim() > 4:
        raise InputError(f"a mask of shape {given.shape} does not fit {n} pictures of {high} x {wide}")
    if holes.dim() == 4 and len(holes) not in (1, n):
        raise InputError(f"there are {len(holes)} masks for {n} pictures: give one for each, or one for all")
    return holes.movedim(-1, -3).expand(n, channels, high, wide)


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)
