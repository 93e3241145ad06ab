"""A conditional density: a label says which law, a number how far it is turned; the learnt beside the exact one."""

import numpy as np
from _common import Example

from realnvp import RealNVP
from realnvp.data.toy import Moons, SwissRoll
from realnvp.measure import truth_gap
from realnvp.report import density
from realnvp.report.plots import fresh_figure

LAWS = (Moons(noise=0.1), SwissRoll(noise=0.2))
CENTRES = np.array([[0.5, 0.25], [0.0, 0.0]])


def turn(x: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotate each row of x (n, 2) by its angle (n,)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack((cos * x[:, 0] - sin * x[:, 1], sin * x[:, 0] + cos * x[:, 1]), axis=1)


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows x (n, 2) and their contexts (n, 3): a one-hot label and an angle, uniform on [-pi/2, pi/2]."""
    rng = np.random.default_rng(seed)
    label, angle = rng.integers(2, size=n), rng.uniform(-np.pi / 2, np.pi / 2, n)
    both = np.stack([law.sample(n, rng) - centre for law, centre in zip(LAWS, CENTRES, strict=True)])
    return turn(both[label, np.arange(n)], angle), np.column_stack((np.eye(2)[label], angle))


def exact(x: np.ndarray, context: np.ndarray) -> np.ndarray:
    """Log p(x | c): turning back changes no volume."""
    back = turn(x, -context[:, 2])
    each = [law.log_prob(back + centre) for law, centre in zip(LAWS, CENTRES, strict=True)]
    return np.where(context[:, 0] == 1, *each)


run = Example(__file__)
X, C = sample(1000 if run.quick else 100_000, seed=0)
model = RealNVP(width=96, max_steps=run.steps(4000), random_state=0).fit(X, context=C)

X, C = sample(20_000, seed=1)
gap = truth_gap(exact(X, C), model.score_samples(X, context=C))
print(f"mean over c of KL(p(x|c) || q(x|c)): {gap.value:.4f} +- {gap.error:.4f} nats")

figure, axes = fresh_figure(11, 9.4, 4, 5)
box = np.full(2, -3.2), np.full(2, 3.2)
for label, law in enumerate(LAWS):
    for column, degrees in enumerate((-80, -40, 0, 40, 80)):
        c = np.array([label == 0, label == 1, np.deg2rad(degrees)], dtype=float)
        of = {
            "exact": lambda x, c=c: exact(x, np.tile(c, (len(x), 1))),
            "learnt": lambda x, c=c: model.score_samples(x, context=np.tile(c, (len(x), 1))),
        }
        for i, (what, log_density) in enumerate(of.items()):
            ax = axes[2 * label + i, column]
            density(log_density, box, ax=ax, title=f"{what}, {law.name}, {degrees}°", colorbar=False, n=150, vmax=0.3)
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
run.save(figure, "conditional.png")
