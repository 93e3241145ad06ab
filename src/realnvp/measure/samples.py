"""Whether two tables could be of one law."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from realnvp.errors import InputError

__all__ = ["Told", "c2st"]


class Told(NamedTuple):
    """The share of rows told right, its standard error, and how likely so large a share is where the laws are one."""

    value: float
    error: float
    p_value: float


def c2st(a: ArrayLike, b: ArrayLike, *, folds: int = 5, random_state: int | np.random.Generator | None = 0) -> Told:
    """Classifier two-sample test: how well a classifier tells the rows of ``a``, (n, D), from those of ``b``, (m, D).

    The accuracy on rows left out of its training, by cross-validation: near 0.5 where it cannot tell them apart, 1
    where it always can. The larger table is cut at random to the size of the smaller. The folds share their training
    rows, so the error is the binomial one widened, ``sqrt(v (1 - v) / rows * (1 + folds / (folds - 1)))`` (of like laws
    the values spread 0.6 to 1 times as much); the p-value is the normal's of ``v`` at 1/2 with that width. The
    classifier is scikit-learn's gradient boosting of histograms, which sees the columns and their principal axes: it
    needs some thousand rows to see small differences.

    References:
        Inference for the Generalization Error (Nadeau, Bengio, 2003), https://doi.org/10.1023/A:1024068626366
        Revisiting Classifier Two-Sample Tests (Lopez-Paz, Oquab, 2017), https://arxiv.org/abs/1610.06545
    """
    from scipy import stats
    from sklearn.decomposition import PCA
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import FeatureUnion, make_pipeline

    tables = [_table(t, name, folds) for t, name in ((a, "a"), (b, "b"))]
    if tables[0].shape[1] != tables[1].shape[1]:
        raise InputError(f"a has {tables[0].shape[1]} columns and b {tables[1].shape[1]}: give both the same")
    rng = np.random.default_rng(random_state)
    n, seed = min(map(len, tables)), int(rng.integers(2**31))
    X = np.concatenate([t[rng.permutation(len(t))[:n]] for t in tables])
    y = np.repeat([0, 1], n)
    seen = FeatureUnion([("columns", "passthrough"), ("axes", PCA(whiten=True, random_state=seed))])
    classifier = make_pipeline(seen, HistGradientBoostingClassifier(early_stopping=True, random_state=seed))
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed)
    value = float((cross_val_predict(classifier, X, y, cv=splits) == y).mean())
    wide = np.sqrt((1 + folds / (folds - 1)) / (2 * n))
    error = float(wide * np.sqrt(value * (1 - value)))
    return Told(value, error, float(stats.norm.sf((value - 0.5) / (0.5 * wide))))


def _table(given: ArrayLike, name: str, folds: int) -> np.ndarray:
    try:
        rows = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} holds other things than numbers ({error}): give text as numbers") from error
    if rows.ndim != 2 or not rows.shape[1] or not np.isfinite(rows).all():
        raise InputError(f"{name} has shape {rows.shape}: give a table (n, D) of finite numbers")
    if folds < 2 or len(rows) < max(10, folds):
        raise InputError(f"{name} has {len(rows)} rows for {folds} folds: give at least 10 rows, and 2 folds or more")
    return rows
