"""This library, by its public recipe."""

from functools import cache

from bench.peers.base import LR, Model, Workload, torch_model

__all__ = ["IMPORT", "build"]

IMPORT = "from realnvp import MaxLikelihood, real_nvp; from realnvp.train import adamw, fit"


def build(load: Workload, compiled: bool = False, bf16: bool = False, recorded: bool = False) -> Model:
    """Build ``real_nvp`` or ``image_real_nvp``; its training step is the library's own loop.

    Compiled, that goes through ``torch.compile``, and the other verbs are those of ``export.compiled``; on an
    accelerator, where the loop records its steps by itself, those of ``export.recorded``.
    """
    import torch

    from realnvp import MaxLikelihood, export, image_real_nvp, real_nvp
    from realnvp.train import adamw, fit
    from realnvp.transforms import Coupling

    if load.picture:
        flow = image_real_nvp(load.picture, hidden=load.hidden, blocks=2)
    else:
        flow = real_nvp(load.features, layers=load.layers, hidden=(load.hidden, load.hidden))
    if bf16:
        for coupling in flow.modules():
            if isinstance(coupling, Coupling):
                coupling.compute = torch.bfloat16
    flow.to(load.device)
    objective, code = MaxLikelihood(flow), cache(lambda: export.compiled(flow, rows=1 if load.batch == 1 else None))
    graphs = cache(lambda: export.recorded(flow, load.batch, compiled=compiled))

    def train(batches):
        steps = fit(torch.compile(objective) if compiled else objective, batches, adamw(objective, LR))
        return lambda: next(steps)

    if load.device == "cuda" and (recorded or compiled):
        verbs = (lambda x: graphs().log_prob(x), lambda _: graphs().sample(), lambda _: graphs().sample_with_log_prob())
        return torch_model(flow, *verbs, load, False, train, load.batch)
    if compiled:
        verbs = (lambda x: code().log_prob(x), lambda n: code().sample(n), lambda n: code().sample_with_log_prob(n))
        return torch_model(flow, *verbs, load, False, train)
    return torch_model(flow, flow.log_prob, flow.sample, flow.sample_with_log_prob, load, False, train)
