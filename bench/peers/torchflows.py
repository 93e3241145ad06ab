"""torchflows: bijections of any event shape."""

from bench.peers.base import Model, Workload, torch_model

__all__ = ["IMPORT", "build"]

IMPORT = "import torchflows.flows"


def build(load: Workload, compiled: bool | str = False) -> Model:
    """Build affine couplings with the features reversed between them: its Real NVP less the normalising layers."""
    from torch import nn
    from torchflows.bijections.base import BijectiveComposition
    from torchflows.bijections.finite.autoregressive.layers import AffineCoupling
    from torchflows.bijections.finite.matrix.permutation import ReversePermutationMatrix
    from torchflows.flows import Flow

    load.vectors("its multi-scale model has conditioners of its own that end in a linear layer")
    event, net = (load.features,), {"n_hidden": load.hidden, "n_layers": 3, "nonlinearity": nn.ReLU}
    layers = []
    for i in range(load.layers):
        layers += [ReversePermutationMatrix(event)] if i else []
        layers.append(AffineCoupling(event, conditioner_kwargs=net))
    flow = Flow(BijectiveComposition(layers))
    return torch_model(
        flow,
        flow.log_prob,
        lambda n: flow.sample((n,), no_grad=True),
        lambda n: flow.sample((n,), no_grad=True, return_log_prob=True),
        load,
        compiled,
    )
