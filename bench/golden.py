"""Write the run folders that the tests keep, and their scores: ``python -m bench.golden``.

They stand for runs of users that must load for ever: write new ones beside them when the format changes, and leave
the old ones as they are.
"""

import json
import sys
from pathlib import Path

import numpy as np

from realnvp import BoltzmannGenerator, ImageRealNVP, RealNVP
from realnvp.potentials import POTENTIALS

TINY = {"layers": 2, "width": 4, "max_steps": 30, "random_state": 0, "verbose": False}
FOLDER = Path(__file__).parent.parent / "tests" / "data" / "runs"


def main(version: str) -> None:
    """Fit four tiny models and write what they say of a few points."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2)) @ [[1.0, 0.5], [0.0, 2.0]] + [10.0, -3.0]
    C = X[:, :1] + rng.normal(size=(300, 1))
    images = rng.integers(0, 8, (40, 8, 8)).astype(np.uint8)
    affine = RealNVP(**TINY, device="cpu").fit(X)
    spline = RealNVP("spline", base="mixture", **TINY, device="cpu").fit(X, context=C)
    energy = BoltzmannGenerator(**TINY, particles=64)
    energy.fit(POTENTIALS["u1"]())
    pictures = ImageRealNVP(**(TINY | {"layers": 1}), levels=8, device="cpu").fit(images, context=np.arange(40) % 2)
    _write(f"{version}-table", affine, X[:5])
    _write(f"{version}-spline", spline, X[:5], C[:5])
    _write(f"{version}-energy", energy, X[:5] / 10)
    _write(f"{version}-pictures", pictures, images[:5], np.arange(5) % 2)


def _write(name: str, model: object, points: np.ndarray, context: np.ndarray | None = None) -> None:
    given = {} if context is None else {"context": context}
    model.save(FOLDER / name)
    scores = {"scores": model.score_samples(points, **given).tolist(), "points": points.tolist()}
    scores |= {key: value.tolist() for key, value in given.items()}
    (FOLDER / name / "scores.json").write_text(json.dumps(scores) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
