"""The estimator on a small real table: held-out density beside Gaussian mixtures, the oddest row, new rows."""

import numpy as np
from _common import Example
from sklearn.datasets import load_breast_cancer
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from realnvp import RealNVP
from realnvp.report import corner

COLUMNS = [0, 1, 2, 3, 4]  # radius, texture, perimeter, area, smoothness

run = Example(__file__)
table = load_breast_cancer()
X, names = table.data[:, COLUMNS], [str(name) for name in table.feature_names[COLUMNS]]
train, test = train_test_split(X, test_size=0.25, random_state=0)

models = {"RealNVP": RealNVP(kernel="spline", max_steps=run.steps(1500), random_state=0)}
models |= {f"mixture of {k}": GaussianMixture(k, reg_covar=1e-5, random_state=0) for k in (1, 2, 4, 8)}
print(f"{len(train)} rows to learn from, {len(test)} held out; NLL in nats per row, columns standardised by the first")
for name, model in models.items():
    whole = make_pipeline(StandardScaler(), model).fit(train)
    print(f"{name:12} {-whole.score(test):7.3f}")

flow = models["RealNVP"].fit(train)  # in the units of the table: the log density counts the Jacobian
log_density = flow.score_samples(X)
odd = int(np.argmin(log_density))
print(f"oddest row: {odd}, log density {log_density[odd]:.1f}, the median row's {np.median(log_density):.1f}")
print(", ".join(f"{name} {value:.4g}" for name, value in zip(names, X[odd], strict=True)))

run.save(corner(X, flow.sample(5000, random_state=0), names=names), "estimator.png")
