"""nflows: transforms that return outputs and log-dets."""

from bench.peers.base import Model, Workload, torch_model

__all__ = ["IMPORT", "build"]

IMPORT = "from nflows import distributions, flows, transforms; from nflows.nn import nets"


def build(load: Workload, compiled: bool | str = False) -> Model:
    """Build affine couplings of the two halves in turn, with its MLP as the conditioner."""
    import torch
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.nn.nets import MLP
    from nflows.transforms import AffineCouplingTransform, CompositeTransform

    load.vectors("no coupling of the checkerboard's colours")

    class Net(MLP):
        """Take the context that couplings hand on."""

        def forward(self, inputs, context=None):
            return super().forward(inputs)

    def net(inputs, outputs):
        return Net((inputs,), (outputs,), [load.hidden, load.hidden])

    layers = []
    for i in range(load.layers):
        first = (torch.arange(load.features) < load.features // 2) == (i % 2 == 0)  # the part kept
        layers.append(AffineCouplingTransform(torch.where(first, -1, 1), net))
    flow = Flow(CompositeTransform(layers), StandardNormal([load.features]))
    return torch_model(flow, flow.log_prob, flow.sample, flow.sample_and_log_prob, load, compiled)
