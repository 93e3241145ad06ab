# %% [markdown]
# # Energy: samples without data
#
# A double well: `U(x) = x1⁴ - 6 x1² - x1 / 2 + x2² / 2`, in kT. No data; we want samples, the normaliser and the
# share of the deeper well, each with its error. In two dimensions the truth can be had by quadrature, so we can check.

# %%
# %matplotlib inline
import numpy as np
import torch

from realnvp import BoltzmannGenerator
from realnvp.report import density, scatter, weight_histogram
from realnvp.report.plots import fresh_figure

torch.set_num_threads(1)


def energy(x):
    return x[:, 0] ** 4 - 6 * x[:, 0] ** 2 - 0.5 * x[:, 0] + 0.5 * x[:, 1] ** 2


# %% [markdown]
# ## The truth, by quadrature

# %%
first, second = np.linspace(-4, 4, 801), np.linspace(-8, 8, 801)
at = np.stack(np.meshgrid(first, second, indexing="ij"), -1).reshape(-1, 2)
w = np.exp(-energy(torch.as_tensor(at)).numpy()).reshape(801, 801)
Z = np.trapezoid(np.trapezoid(w, second), first)
share = np.trapezoid(np.trapezoid(w, second) * (first > 0), first) / Z
print(f"log Z {np.log(Z):.4f} nats, deeper well {share:.4f}")

# %% [markdown]
# ## Fit
#
# A population is led from a wide start to the target; the flow learns it, and then its own weighted draws.

# %%
g = BoltzmannGenerator(n_features=2, max_steps=300, random_state=0, verbose=False)
g.fit(energy)
print(f"log Z {g.log_normalizer_:.4f} ± {g.log_normalizer_error_:.4f} nats")
print(f"ESS {g.ess_:.3f}, coverage {g.coverage_:.3f}, Pareto k {g.pareto_k_:.2f}")
print(f"{g.evaluations_:,} energies asked for")

# %% [markdown]
# ESS is how even the weights of the flow's draws are, coverage the same seen from places that chains found: trust the
# result where both are high. A Pareto k above 0.7 would say that the tail of the weights is too heavy.

# %%
x, log_w = g.log_weights(20_000, random_state=0)
figure, axes = fresh_figure(11, 3.4, 1, 3)
box = (np.array([-3.0, -4.0]), np.array([3.0, 4.0]))


def target(rows):
    return -energy(torch.as_tensor(rows)).numpy() - np.log(Z)


density(target, box, ax=axes[0, 0], title="Target", colorbar=False)
density(g.score_samples, box, ax=axes[0, 1], title="Flow", colorbar=False)
weight_histogram(log_w, g.log_normalizer_, ax=axes[0, 2])
figure

# %% [markdown]
# ## Expectations, with errors

# %%
found, error = g.expectation(lambda x: x[:, 0] > 0, random_state=0)
print(f"deeper well {found:.4f} ± {error:.4f}, exact {share:.4f}")

# %% [markdown]
# ## Exact samples
#
# Independence Metropolis with the flow as its proposal: where most proposals are taken the chain is as good as
# independent.

# %%
exact = g.sample(5000, corrected=True, random_state=0)
print(f"taken: {g.acceptance_:.2f}; autocorrelation time {g.autocorrelation_time_:.1f}")
scatter(exact, title="Corrected samples", extent=box).figure
