"""FrEIA: invertible networks that return outputs and log-dets; the base density is the user's."""

from bench.peers.base import Model, Workload, torch_model

__all__ = ["IMPORT", "build"]

IMPORT = "from FrEIA import framework, modules"


def build(load: Workload, compiled: bool | str = False) -> Model:
    """Build GLOW coupling blocks: each is two affine couplings, of one half and then of the other."""
    import math

    import torch
    from FrEIA.framework import SequenceINN
    from FrEIA.modules import GLOWCouplingBlock
    from torch import nn

    load.vectors("no coupling of the checkerboard's colours")

    def net(inputs, outputs):
        h = load.hidden
        return nn.Sequential(nn.Linear(inputs, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, outputs))

    flow = SequenceINN(load.features)
    for _ in range(load.layers // 2):
        flow.append(GLOWCouplingBlock, subnet_constructor=net, clamp=2.0, clamp_activation="TANH")

    def base(z):
        return -0.5 * (z**2).sum(1) - 0.5 * load.features * math.log(2 * math.pi)

    def log_prob(x):
        z, ladj = flow(x)
        return base(z) + ladj

    def both(n):
        z = torch.randn(n, load.features, device=load.device)
        x, ladj = flow(z, rev=True)
        return x, base(z) - ladj

    return torch_model(
        flow,
        log_prob,
        lambda n: flow(torch.randn(n, load.features, device=load.device), rev=True, jac=False)[0],
        both,
        load,
        compiled,
    )
