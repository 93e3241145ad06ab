"""zuko: lazy flows that return torch distributions."""

from bench.peers.base import Model, Workload, torch_model

__all__ = ["IMPORT", "build"]

IMPORT = "import zuko"


def build(load: Workload, compiled: bool | str = False) -> Model:
    """Build ``zuko.flows.RealNVP``: affine couplings, the even and the odd features in turn."""
    import zuko

    load.vectors("its couplings take vectors only")
    flow = zuko.flows.RealNVP(load.features, transforms=load.layers, hidden_features=(load.hidden, load.hidden))
    return torch_model(
        flow,
        lambda x: flow().log_prob(x),
        lambda n: flow().sample((n,)),
        lambda n: flow().rsample_and_log_prob((n,)),
        load,
        compiled,
    )
