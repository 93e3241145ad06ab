"""Small flows, and the steps of their training: what they told, the weights and moments at the end."""

import torch

from realnvp.nets import mlp
from realnvp.objectives import MaxLikelihood
from realnvp.recipes import image_real_nvp, real_nvp
from realnvp.train import adamw, fit
from realnvp.train.loop import Guard


def flow_of(kind):
    torch.manual_seed(0)
    if kind == "picture":
        return image_real_nvp((1, 8, 8), hidden=4, blocks=1)
    if kind == "dropout":
        return real_nvp(4, layers=2, net=mlp((8,), dropout=0.5))
    return real_nvp(4, layers=2, hidden=(8,))


def steps_of(flow, batches, device="cuda", lag=None, **options):
    objective = MaxLikelihood(flow).to(device).train()
    optimizer = adamw(objective, 1e-2)
    options["guard"] = Guard(objective, optimizer, lag=lag)
    told = [
        (step.loss.item(), step.grad_norm.item(), step.skipped, step.restored)
        for step in fit(objective, [b.to(device) for b in batches], optimizer, **options)
    ]
    weights = [p.detach().cpu() for p in objective.state_dict().values()]
    return told, weights + [value.cpu() for kept in optimizer.state.values() for value in kept.values()]
