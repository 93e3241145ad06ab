"""Four energies of the plane, learnt without data: target above, flow below, log Z and ESS beside the exact ones."""

import torch
from _common import Example

from realnvp import BoltzmannGenerator
from realnvp.potentials import U1, U2, U3, U4
from realnvp.report import density
from realnvp.report.plots import fresh_figure

run = Example(__file__)
figure, axes = fresh_figure(12.0, 6.2, 2, 4)
box = (torch.full((2,), -4.0).numpy(), torch.full((2,), 4.0).numpy())

for i, potential in enumerate((U1(), U2(), U3(), U4())):
    flow = BoltzmannGenerator(max_steps=run.steps(600), random_state=0).fit(potential)
    found = f"{flow.log_normalizer_:.4f} ± {flow.log_normalizer_error_:.4f}"
    share, error = flow.expectation(lambda x: x[:, 0] > 0, random_state=0)
    chain, chain_error = flow.expectation(lambda x: x[:, 0] > 0, corrected=True, random_state=0)
    print(
        f"{potential.name}  log Z {found} (exact {potential.log_normalizer:.4f}), ESS {flow.ess_:.4f}, "
        f"P(x1 > 0) {share:.4f} ± {error:.4f} by weights, {chain:.4f} ± {chain_error:.4f} by chains"
    )

    def target(x, potential=potential):
        return -potential(torch.as_tensor(x)).numpy() - potential.log_normalizer

    density(target, box, ax=axes[0, i], title=f"{potential.name}, target", colorbar=False)
    density(flow.score_samples, box, ax=axes[1, i], title=f"flow, ESS {flow.ess_:.3f}", colorbar=False)
    for ax in axes[:, i]:
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")

run.save(figure, "energies.png")
