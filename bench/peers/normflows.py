"""normflows: a list of flows from the latent side to the data."""

from bench.peers.base import Model, Workload, torch_model

__all__ = ["IMPORT", "build"]

IMPORT = "import normflows"


def build(load: Workload, compiled: bool | str = False) -> Model:
    """Build affine coupling blocks with the halves swapped between them, as in its Real NVP example."""
    import normflows as nf

    load.vectors("its pictures are Glow's: the checkerboard there is cut into pictures of half the width")
    kept = load.features - load.features // 2  # it keeps the larger half, always
    sizes = [kept, load.hidden, load.hidden, 2 * (load.features - kept)]
    flows = []
    for _ in range(load.layers):
        flows += [
            nf.flows.AffineCouplingBlock(nf.nets.MLP(sizes, init_zeros=True)),
            nf.flows.Permute(load.features, mode="swap"),
        ]
    flow = nf.NormalizingFlow(nf.distributions.DiagGaussian(load.features, trainable=False), flows)
    return torch_model(flow, flow.log_prob, flow.sample, flow.sample, load, compiled)  # it always tells log q
