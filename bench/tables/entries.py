"""Who takes part: which file of ``bench.tables.models`` fits it, and how."""

from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version

__all__ = ["ENTRIES", "Entry"]


@dataclass(frozen=True)
class Entry:
    """A model of the bench, with what its results hang on."""

    name: str
    home: str
    packages: tuple[str, ...]
    options: dict = field(default_factory=dict)
    seeded: bool = True
    """Whether its fits differ by their seed; the others are fitted once."""
    scaled: bool = True
    """Whether it is given standardised rows, as its users would; the Jacobian is counted."""

    @property
    def ours(self) -> bool:
        """Whether it is this library's."""
        return self.home == "ours"

    def versions(self) -> dict[str, str]:
        """Return its packages as installed; ``""`` for one that is not."""
        return {package: _version(package) for package in self.packages}

    def missing(self) -> list[str]:
        """Return the packages that are not installed."""
        return [package for package, found in self.versions().items() if not found]

    def told(self) -> dict:
        """Return what its process needs to know."""
        return {name: value for name, value in asdict(self).items() if name in ("home", "options", "scaled")}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


NETS = {"hidden": (128, 128)}
ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("realnvp", "ours", ("torch",), scaled=False),
        Entry("zuko RealNVP", "zuko", ("zuko", "torch"), {"flow": "RealNVP", "transforms": 8, **NETS}),
        Entry("zuko NSF", "zuko", ("zuko", "torch"), {"flow": "NSF", "transforms": 5, **NETS}),
        Entry(
            "flowjax splines",
            "flowjax",
            ("flowjax", "jax"),
            {"layers": 6, "width": 128, "knots": 8, "interval": 5.0},
        ),
        Entry("sklearn mixture", "classic", ("scikit-learn",), {"model": "mixture"}),
        Entry("sklearn kernel density", "classic", ("scikit-learn",), {"model": "kernel"}, seeded=False),
        Entry("shrunk Gaussian", "classic", ("scikit-learn",), {"model": "shrunk"}, seeded=False),
        Entry("one Gaussian", "classic", ("numpy",), {"model": "gaussian"}, seeded=False),
    )
}
