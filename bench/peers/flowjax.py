"""flowjax: distributions in JAX; each verb is one jitted function."""

from bench.peers.base import LR, MOMENTS, Model, Workload

__all__ = ["IMPORT", "build"]

IMPORT = "import flowjax.flows, flowjax.distributions"


def build(load: Workload, unrolled: bool = False) -> Model:
    """Build ``coupling_flow``: affine couplings under ``lax.scan``, a fixed permutation between them.

    ``unrolled`` is the same couplings as a chain, the features reversed between them: more to compile, no loop.
    """
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import jax.random as jr
    import optax
    import paramax
    from flowjax.bijections import Chain, Coupling, Flip, Invert
    from flowjax.distributions import Normal, Transformed
    from flowjax.flows import _affine_with_min_scale, coupling_flow

    load.vectors("its couplings take vectors only")
    jax.config.update("jax_default_matmul_precision", "highest")  # float32, as torch; on accelerators it takes less
    base = Normal(jnp.zeros(load.features))
    if unrolled:
        layers = []
        for key in jr.split(jr.key(0), load.layers):
            coupling = Coupling(
                key,
                transformer=_affine_with_min_scale(),
                untransformed_dim=load.features // 2,
                dim=load.features,
                nn_width=load.hidden,
                nn_depth=2,
            )
            layers += [coupling, Flip((load.features,))]
        flow = Transformed(paramax.non_trainable(base), Invert(Chain(layers)))
    else:
        flow = coupling_flow(
            jr.key(0),
            base_dist=paramax.non_trainable(base),
            flow_layers=load.layers,
            nn_width=load.hidden,
            nn_depth=2,
        )
    params, static = eqx.partition(
        flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable)
    )
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(LR, *MOMENTS, weight_decay=0.0))

    def of(params):
        return paramax.unwrap(eqx.combine(params, static))

    def step(params, moments, x):
        loss, slope = jax.value_and_grad(lambda p: -of(p).log_prob(x).mean())(params)
        change, moments = adam.update(slope, moments, params)
        return optax.apply_updates(params, change), moments, loss

    step = jax.jit(step, donate_argnums=(0, 1))
    density = jax.jit(lambda p, x: of(p).log_prob(x))
    draw = jax.jit(lambda p, key: of(p).sample(key, (load.batch,)))
    draw_both = jax.jit(lambda p, key: of(p).sample_and_log_prob(key, (load.batch,)))
    batches, keys = list(jr.normal(jr.key(1), (32, load.batch, load.features))), list(jr.split(jr.key(2), 32))
    state = {"params": params, "moments": adam.init(params), "loss": None, "turn": 0}
    jax.block_until_ready((batches, keys, state["moments"]))

    def turn() -> int:
        state["turn"] = (state["turn"] + 1) % 32
        return state["turn"]

    def train() -> None:
        state["params"], state["moments"], state["loss"] = step(state["params"], state["moments"], batches[turn()])

    def check() -> float:
        x, log_q = of(state["params"]).sample_and_log_prob(jr.key(3), (8,))
        assert x.shape == (8, load.features), f"samples have shape {x.shape}"
        return float(jnp.abs(of(state["params"]).log_prob(x) - log_q).max())

    verbs = {
        "train": train,  # left under way: the next step waits for it
        "log_prob": lambda: density(state["params"], batches[turn()]).block_until_ready(),
        "sample": lambda: draw(state["params"], keys[turn()]).block_until_ready(),
        "both": lambda: jax.block_until_ready(draw_both(state["params"], keys[turn()])),
    }
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    return Model(count, verbs, settle=lambda: jax.block_until_ready(state["params"]), check=check, device=load.device)
