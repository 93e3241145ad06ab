"""Two moons by maximum likelihood: eight affine couplings turn the moons into a normal, and a normal into the moons."""

from itertools import islice

import numpy as np
import torch
from _common import Example, cosine, draws, log_prob, tensor
from sklearn.neighbors import KNeighborsClassifier

from realnvp import MaxLikelihood, real_nvp
from realnvp.data.batches import stream
from realnvp.data.toy import Moons
from realnvp.measure import truth_gap
from realnvp.report import density, extent_of, latent, scatter
from realnvp.report.plots import fresh_figure
from realnvp.train import adamw, fit

run = Example(__file__)
law = Moons(noise=0.05)
flow = real_nvp(2, layers=8, hidden=(128, 128))
objective = MaxLikelihood(flow)

# train: a fresh batch of 512 points at every step
steps = run.steps(3500)
batches = islice(stream(draws(law), 512), steps)
for step in fit(objective, batches, adamw(flow, lr=3e-3), schedule=cosine(steps)):
    if step.index % 500 == 0:
        print(f"step {step.index:5}   loss {step.loss:7.4f} nats")

# measure on points that were never trained on: E[log p - log q] is the gap to the entropy
x, moon = law.sample_with_labels(20_000, seed=1)
gap = truth_gap(law.log_prob(x), log_prob(flow)(x))
print(f"\nexact entropy    {law.entropy:8.4f} nats")
print(f"flow's NLL       {law.entropy + gap.value:8.4f} nats")
print(f"gap, KL(p || q)  {gap.value:8.4f} +- {gap.error:.4f} nats\n")

# draw: above, data -> normal; below, normal -> moons
x, moon = x[:4000], moon[:4000]
noise = flow.base.sample(4000)
with torch.no_grad():
    z = flow(tensor(x))[0].numpy()
    made = flow.inverse(noise)[0].numpy()
which = KNeighborsClassifier(1).fit(x, moon).predict(made)  # the moon that a made point landed on
box, top = extent_of(x), np.exp(law.log_prob(x)).max()
figure, axes = fresh_figure(12.5, 5.6, 2, 3, width_ratios=(1.75, 1, 1.75))
scatter(x, labels=moon, ax=axes[0, 0], title="Data x", extent=box)
latent(z, labels=moon, ax=axes[0, 1], title="Data to normal: z = f(x)", key=False)
density(law.log_prob, box, ax=axes[0, 2], title="Exact density", vmax=top)
scatter(made, labels=which, ax=axes[1, 0], title="Normal to moons: x = f⁻¹(z)", extent=box)
latent(noise.numpy(), labels=which, ax=axes[1, 1], title="Normal z, by its moon", key=False)
density(log_prob(flow), box, ax=axes[1, 2], title="Learnt density", vmax=top)
run.save(figure, "moons.png")
