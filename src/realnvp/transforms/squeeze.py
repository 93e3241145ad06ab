"""Pictures in other shapes: space into channels, some of the channels, all pixels in a row."""

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.transforms.base import Transform

__all__ = ["Flat", "Part", "Squeeze", "Within"]


class Squeeze(Transform):
    """Each block of 2 x 2 pixels becomes four channels: ``(C, H, W) -> (4 C, H / 2, W / 2)``; ``ladj = 0``.

    The first ``C`` channels hold the pixels ``(2 h, 2 w)``, then come ``(2 h + 1, 2 w + 1)``, ``(2 h, 2 w + 1)`` and
    ``(2 h + 1, 2 w)``: so the two halves of the channels are the two colours of the checkerboard. ``plain`` puts the
    pixels in reading order instead: the halves are the even and the odd rows. Height and width must be even.

    References:
        Real NVP (Dinh et al., 2016), section 3.6, https://arxiv.org/abs/1605.08803
    """

    event_dim = 3

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__()
        self.plain = plain

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the squeezed picture and zeros."""
        high, wide = x.shape[-2:]
        if high % 2 or wide % 2:
            raise InputError(f"pictures of {high} x {wide} do not halve evenly: pad them, or take fewer scales")
        return torch.cat([x[..., i::2, j::2] for i, j in (_ROWS if self.plain else _COLOURS)], -3), x.new_zeros(
            x.shape[:-3]
        )

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the picture and zeros."""
        if z.shape[-3] % 4:
            raise InputError(f"only channels in fours can be unsqueezed, got {z.shape[-3]}")
        first, second, third, fourth = z.chunk(4, -3)
        a, b, c, d = (first, second, third, fourth) if self.plain else (first, third, fourth, second)
        rows = torch.stack((a, b), -1), torch.stack((c, d), -1)  # (C, H / 2, W / 2, 2)
        return torch.stack([row.flatten(-2) for row in rows], -2).flatten(-3, -2), z.new_zeros(z.shape[:-3])

    def extra_repr(self) -> str:
        """Show what is not a module."""
        return f"plain={self.plain}"


_COLOURS = ((0, 0), (1, 1), (0, 1), (1, 0))
_ROWS = ((0, 0), (0, 1), (1, 0), (1, 1))


class Within(Transform):
    """A transform that hands ``transform`` a piece of its input, or all of it in another shape.

    A subclass says with ``cut`` what is handed on, with ``join`` how the answer goes back among the rest.
    """

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform, self.context, self.event_dim = transform, transform.context, transform.event_dim

    def cut(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return what is handed on, and behind it what is not."""
        raise TypeError(f"{type(self).__name__} does not say what it hands on")

    def join(self, part: Tensor, *rest: Tensor, like: Tensor) -> Tensor:
        """Undo ``cut``; ``like`` has the shape of the whole."""
        raise TypeError(f"{type(self).__name__} does not say how to undo its cut")

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and the ``ladj`` of the inner transform."""
        part, *rest = self.cut(x)
        part, ladj = self.transform(part, context)
        return self.join(part, *rest, like=x), ladj

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and the ``ladj`` of the inner transform."""
        part, *rest = self.cut(z)
        part, ladj = self.transform.inverse(part, context)
        return self.join(part, *rest, like=z), ladj

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Calibrate the inner transform."""
        part, *rest = self.cut(x)
        return self.join(self.transform.calibrate(part, context), *rest, like=x)


class Flat(Within):
    """``transform`` of the pixels in a row: ``(C, H, W) -> (C H W,)``, the vectors' transform, and back."""

    def __init__(self, transform: Transform) -> None:
        super().__init__(transform)
        self.event_dim = 3

    def cut(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the pixels in a row."""
        return (x.flatten(-3),)

    def join(self, part: Tensor, *rest: Tensor, like: Tensor) -> Tensor:
        """Return the picture."""
        return part.reshape(like.shape)


class Part(Within):
    """``transform`` of the first ``features`` features (channels); the others stay as they are, factored out.

    References:
        Real NVP (Dinh et al., 2016), section 3.6, https://arxiv.org/abs/1605.08803
    """

    def __init__(self, transform: Transform, features: int) -> None:
        super().__init__(transform)
        self.features = features

    def cut(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the first features and the others."""
        axis = -self.event_dim
        return x.narrow(axis, 0, self.features), x.narrow(axis, self.features, x.shape[axis] - self.features)

    def join(self, part: Tensor, *rest: Tensor, like: Tensor) -> Tensor:
        """Put the others behind the first ones."""
        return torch.cat((part, *rest), -self.event_dim)

    def extra_repr(self) -> str:
        """Show what is not a module."""
        return f"features={self.features}"
