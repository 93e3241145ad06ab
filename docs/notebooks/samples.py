# %% [markdown]
# # Samples: the density of a table
#
# 569 tumours, five measures each. We learn their density, ask how good it is, draw new rows, look for odd ones and
# condition on one measure. This page is
# a script with cells (`docs/notebooks/samples.py`); Jupytext opens it as a notebook.

# %%
# %matplotlib inline
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from realnvp import RealNVP, measure
from realnvp.report import corner

torch.set_num_threads(1)  # nets as small as these are slower on many cores
table = load_breast_cancer()
names = ["mean radius", "mean texture", "mean smoothness", "mean concavity", "mean symmetry"]
X = table.data[:, [list(table.feature_names).index(name) for name in names]]
train, test = train_test_split(X, test_size=0.25, random_state=0)

# %% [markdown]
# ## Fit
#
# What the flow is made of follows from the table's size. Two hundred steps are few: `RealNVP(max_time=60)` takes a
# minute and is the better for it.

# %%
model = RealNVP(max_steps=200, random_state=0, verbose=False).fit(train)
for name, column in zip(names, model.columns_, strict=True):
    print(f"{name}: {column['noticed'] or column['kind']}")

# %% [markdown]
# Rounded columns are noticed: noise as wide as the rounding is learnt with them, so that no spikes grow at their
# values.
#
# ## How good is it?
#
# The NLL of rows that training never saw, in nats, beside a Gaussian and a mixture of Gaussians. Then two tests of
# the fit: can a classifier tell draws from data (0.5: it cannot), and are the latent coordinates normal, one by one and
# in their radius (high p-values: they may be)?

# %%
gauss, mixture = measure.gaussian_nll(train, test), measure.mixture_nll(train, test)[0]
print(f"flow     {-model.score(test):7.3f} nats per row")
print(f"Gaussian {gauss.value:7.3f}")
print(f"mixture  {mixture.value:7.3f}")
told = measure.c2st(test, model.sample(len(test), random_state=0))
print(f"classifier right for {told.value:.2f} ± {told.error:.2f}")
normal = measure.latent_normality(model, test)
print("p-values of the columns", np.round(normal.coordinates.p_value, 2))
print(f"and of the radius {normal.radius.p_value:.2f}")

# %% [markdown]
# ## New rows
#
# Blue the table, orange rows drawn from the model: one pass, no rejection.

# %%
new = model.sample(1000, random_state=0)
corner(X, new, names=names)

# %% [markdown]
# ## Odd rows
#
# Rows less likely than 95 % of those held out while fitting.

# %%
odd = test[model.predict_outliers(test, rate=0.05) == -1]
print(len(odd), "of", len(test), "rows")
odd.round(3)

# %% [markdown]
# ## Given one measure
#
# `context=` learns the density of the others given it. Texture given a small and a large radius: the median and the
# interval that holds 90 %.

# %%
given = RealNVP(max_steps=300, members=1, random_state=0, verbose=False)
given.fit(train[:, [1]], context=train[:, [0]])
for radius in (10, 20):
    low, high = given.interval([[radius]], level=0.9, random_state=0)
    median = given.quantiles([[radius]], 0.5, random_state=0)
    print(f"radius {radius}: {median.item():.1f} ({low.item():.1f} to {high.item():.1f})")

# %% [markdown]
# ## Keep it
#
# `model.save("run")` writes a folder of safetensors and JSON; `RealNVP.load("run")`, or `realnvp sample run` on the
# command line, reads it.
