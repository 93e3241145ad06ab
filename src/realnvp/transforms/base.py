"""The contract of a transform, and what several transforms are made of."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from realnvp.shapes import every_row, sum_event

__all__ = ["Compose", "Diagonal", "Inverse", "Transform"]


class Transform(nn.Module):
    """A bijection with two primitives.

    ``forward(x, context=None) -> (z, ladj)`` goes from data to latent, ``inverse(z, context=None) -> (x, ladj)`` goes
    back; each ``ladj`` is ``log |det|`` of the Jacobian *of the direction taken*, of the batch's shape and of the
    input's dtype. ``event_dim`` counts the axes of one event, ``context`` the conditioning features it wants (0: none),
    ``set_from_data`` says whether ``calibrate`` sets something of it.
    """

    event_dim: int = 1
    context: int = 0
    set_from_data: bool = False

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z = f(x)`` and ``log |det dz/dx|``."""
        raise TypeError(f"{type(self).__name__} has no forward")

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x = f^-1(z)`` and ``log |det dx/dz|``."""
        raise TypeError(f"{type(self).__name__} has no inverse")

    @property
    def inv(self) -> "Transform":
        """A view of this transform with the two directions exchanged; ``t.inv.inv is t``."""
        return Inverse(self)

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Set whatever is set from data (means, scales) and return ``forward(x)``'s values, without gradients."""
        with torch.no_grad():
            return self(x, context)[0]


class Inverse(Transform):
    """The other direction of ``transform``, sharing its parameters."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform = transform
        self.event_dim, self.context = transform.event_dim, transform.context

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``transform.inverse(x)``."""
        return self.transform.inverse(x, context)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``transform(z)``."""
        return self.transform(z, context)

    @property
    def inv(self) -> Transform:
        """The transform itself."""
        return self.transform

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Return ``transform.inverse(x)``; what is set from data is set through the transform itself."""
        if any(m.set_from_data for m in self.transform.modules() if isinstance(m, Transform)):
            raise TypeError("an inverse is not calibrated: call calibrate of the transform itself, with its own input")
        return super().calibrate(x, context)


class Compose(Transform):
    """One transform after another: ``f = f_n ∘ … ∘ f_1``; log-dets add. ``Compose()`` is the identity."""

    def __init__(self, *transforms: Transform) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(transforms)
        self.event_dim = max((t.event_dim for t in transforms), default=1)
        self.context = max((t.context for t in transforms), default=0)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Apply the transforms first to last."""
        parts = []
        for t in self:
            x, part = t(x, context)
            parts.append(sum_event(part, self.event_dim - t.event_dim))
        return x, self._sum(parts, x)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Undo the transforms last to first."""
        parts = []
        for t in reversed(list(self)):
            z, part = t.inverse(z, context)
            parts.append(sum_event(part, self.event_dim - t.event_dim))
        return z, self._sum(parts, z)

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Calibrate each transform on what those before it hand on."""
        for t in self:
            x = t.calibrate(x, context)
        return x

    def __iter__(self) -> Iterator[Transform]:
        return iter(self.transforms)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.transforms)

    def __getitem__(self, index: int | slice) -> Transform:
        chain = list(self)
        return Compose(*chain[index]) if isinstance(index, slice) else chain[index]

    def _sum(self, parts: list[Tensor], x: Tensor) -> Tensor:
        return sum(parts[1:], parts[0]) if parts else x.new_zeros(x.shape[: x.dim() - self.event_dim])


class Diagonal(Transform):
    """``z = (x - loc) * exp(-log_scale)``, ``x = loc + exp(log_scale) * z``, ``ladj = -sum(log_scale)``.

    A subclass says in ``read`` where ``loc`` and ``log_scale`` come from; both have shape ``(features, 1, …)`` with
    ``event_dim - 1`` ones.
    """

    def __init__(self, features: int, *, event_dim: int = 1) -> None:
        super().__init__()
        self.features, self.event_dim = features, event_dim
        self.shape = (features, *(1,) * (event_dim - 1))

    def read(self) -> tuple[Tensor, Tensor]:
        """Return ``loc`` and ``log_scale``."""
        raise TypeError(f"{type(self).__name__} does not say its location and scale")

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        return self.normalise(x, *self.read())

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``log |det dx/dz|``."""
        loc, log_scale = self.read()
        x = (loc + log_scale.exp() * z).to(z.dtype)
        return x, every_row(log_scale, z, self.event_dim)

    def normalise(self, x: Tensor, loc: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        """Apply ``(x - loc) * exp(-log_scale)``; wider parameters than ``x`` are used as they are, then rounded."""
        z = ((x - loc) * torch.exp(-log_scale)).to(x.dtype)
        return z, -every_row(log_scale, x, self.event_dim)

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance per feature over the batch (and over the pixels), of shape ``self.shape``."""
        rows = x.movedim(-self.event_dim, -1).reshape(-1, self.features)
        var, mean = torch.var_mean(rows, 0, correction=0)
        return mean.reshape(self.shape), var.reshape(self.shape)

    def extra_repr(self) -> str:
        """Show what is not a module."""
        return f"{self.features}, event_dim={self.event_dim}"
