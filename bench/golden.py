"""Write the run folders that the tests keep, and their scores: ``python -m bench.golden``.

They stand for runs of users that must load for ever: write new ones beside them when the format changes, and leave
the old ones as they are.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from realnvp import BoltzmannGenerator, ImageRealNVP, RealNVP
from realnvp.potentials import POTENTIALS

TINY = {"layers": 2, "width": 4, "max_steps": 30, "random_state": 0, "verbose": False}
FOLDER = Path(__file__).parent.parent / "tests" / "data" / "runs"


def main(version: str) -> None:
    """Fit tiny models and write what they say of a few points; what is there already stays."""
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
    frame = _frame(np.random.default_rng(1))
    words = RealNVP(**TINY, missing="marginalise", device="cpu").fit(frame)
    members = RealNVP(**(TINY | {"max_steps": 60}), members=3, device="cpu").fit(X)
    single = RealNVP(**TINY, device="cpu").fit(X[:, :1])
    _write(f"{version}-words", words, frame[frame["holes"].notna()][:5])
    _write(f"{version}-members", members, X[:5])
    _write(f"{version}-single", single, X[:5, :1])
    _write(f"{version}-pictures", pictures, images[:5], np.arange(5) % 2)


def _frame(rng: np.random.Generator) -> pd.DataFrame:
    """Words, truths, counts, an edge with a lump on it, a column that follows from another, and holes."""
    wide = rng.normal(size=300)
    frame = pd.DataFrame(
        {
            "wide": wide,
            "colour": rng.choice(["blue", "green", "red"], 300, p=[0.5, 0.3, 0.2]),
            "truth": rng.integers(0, 2, 300).astype(bool),
            "count": rng.poisson(3.0, 300),
            "lump": np.where(rng.random(300) < 0.3, 0.0, rng.gamma(2.0, size=300)),
            "follows": 2.0 * wide + 1.0,
            "holes": rng.normal(size=300),
        }
    )
    frame.loc[::7, "holes"] = np.nan
    return frame


def _write(name: str, model: object, points: np.ndarray | pd.DataFrame, context: np.ndarray | None = None) -> None:
    if (FOLDER / name).exists():
        return
    given = {} if context is None else {"context": context}
    model.save(FOLDER / name)
    told = points.to_dict("list") if isinstance(points, pd.DataFrame) else points.tolist()
    scores = {"scores": model.score_samples(points, **given).tolist(), "points": told}
    scores |= {key: value.tolist() for key, value in given.items()}
    (FOLDER / name / "scores.json").write_text(json.dumps(scores) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
