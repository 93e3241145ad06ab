"""Real NVP with a net each for scale and shift, of widths 64, 128, 128, 64, as first published; on the two moons."""

from itertools import islice

from _common import Example, cosine, draws, log_prob

from realnvp import MaxLikelihood, real_nvp
from realnvp.data.batches import stream
from realnvp.data.toy import Moons
from realnvp.measure import truth_gap
from realnvp.nets import Separate, mlp
from realnvp.report import density, extent_of, scatter
from realnvp.report.plots import MODEL, fresh_figure
from realnvp.train import adamw, fit

run = Example(__file__)
law = Moons(noise=0.1)
flow = real_nvp(2, layers=6, net=Separate.of(mlp([64, 128, 128, 64]), 2))

steps = run.steps(2000)
for step in fit(MaxLikelihood(flow), islice(stream(draws(law), 512), steps), adamw(flow, 1e-3), schedule=cosine(steps)):
    if step.index % 500 == 0:
        print(f"step {step.index:5}   loss {step.loss:7.4f} nats")

x = law.sample(20_000, seed=1)
gap = truth_gap(law.log_prob(x), log_prob(flow)(x))
print(f"{sum(p.numel() for p in flow.parameters()):,} parameters")
print(f"gap to the exact entropy {law.entropy:.4f}: {gap.value:.4f} +- {gap.error:.4f} nats")

figure, axes = fresh_figure(12, 2.6, 1, 3)
box = extent_of(x)
scatter(flow.sample(4000), ax=axes[0, 0], title="Samples", extent=box, colour=MODEL)
density(log_prob(flow), box, ax=axes[0, 1], title="Learnt density", colorbar=False)
density(law.log_prob, box, ax=axes[0, 2], title="Exact density")
run.save(figure, "separate_nets.png")
