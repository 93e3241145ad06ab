"""The floor: the matrix products of the conditioners alone, each by the fastest way torch has, nothing between them."""

import time
from collections.abc import Callable

from bench.peers.base import Model, Workload

__all__ = ["IMPORT", "build"]

IMPORT = "import torch"


def build(load: Workload, bf16: bool = False) -> Model:
    """Build the products: one a layer forward, two more backward; the very first layer's data needs no gradient."""
    import torch

    from realnvp.record import Take

    dtype = torch.bfloat16 if bf16 else torch.float32
    layers = (
        [_convolution(*shape, dtype, load.device) for shape in _convolutions(load)]
        if load.picture
        else _linears(load, dtype)
    )

    def forward() -> None:
        with torch.no_grad():
            for there, _ in layers:
                there()

    def train() -> None:
        forward()
        with torch.no_grad():
            for _, back in reversed(layers):
                for product in back:
                    product()

    if load.device == "cuda":
        where = torch.device("cuda", torch.cuda.current_device())
        forward, train = (Take(call, where, warm=3).replay for call in (forward, train))  # nobody waits for launches
    count = 0 if load.picture else sum(n * m + m for n, m in _sizes(load))
    settle = torch.cuda.synchronize if load.device == "cuda" else lambda: None
    return Model(count, {"train": train, "log_prob": forward, "sample": forward, "both": forward}, settle)


def _sizes(load: Workload) -> list[tuple[int, int]]:
    """Inputs and outputs of every linear layer."""
    h = load.hidden
    return [
        size
        for kept in map(load.kept, range(load.layers))
        for size in ((kept, h), (h, h), (h, 2 * (load.features - kept)))
    ]


def _linears(load: Workload, dtype) -> list:
    """``x W^T`` there, ``g W`` and ``g^T x`` back; the data, which the first layer sees, needs no gradient."""
    import torch

    found = []
    for n, m in _sizes(load):
        x, weight, g = (torch.randn(*s).to(load.device, dtype) for s in ((load.batch, n), (m, n), (load.batch, m)))
        back = [_product(g, weight)] if found else []
        found.append((_product(x, weight.t()), [*back, _product(g.t(), x)]))
    return found


def _product(a, b) -> Callable[[], object]:
    """Return ``a b`` by the faster of BLAS, into a buffer, and oneDNN: which one it is differs between machines."""
    import torch

    out = torch.empty(len(a), b.shape[1], dtype=a.dtype, device=a.device)
    ways = [lambda: torch.mm(a, b, out=out)]
    if a.device.type == "cpu" and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        transposed = b.t()
        ways.append(lambda: torch.ops.mkldnn._linear_pointwise(a, transposed, None, "none", [], ""))
    return min(ways, key=_seconds)


def _seconds(way: Callable[[], object]) -> float:
    """Return the least of nine calls."""
    import torch

    spent = []
    with torch.no_grad():
        for _ in range(9):
            _settle()
            start = time.perf_counter()
            way()
            _settle()
            spent.append(time.perf_counter() - start)
    return min(spent)


def _settle() -> None:
    """Wait for an accelerator."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _convolutions(load: Workload) -> list:
    """Shapes of input and weight, and the padding, of every convolution of our model of pictures."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    from realnvp import image_real_nvp

    found = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten.convolution.default:
                found.append((tuple(args[0].shape), tuple(args[1].shape), args[4]))
            return func(*args, **(kwargs or {}))

    flow = image_real_nvp(load.picture, hidden=load.hidden, blocks=2).eval()
    with torch.no_grad(), Watch():
        flow.log_prob(torch.randn(load.batch, *load.picture))
    return found


def _convolution(event, kernel, padding, dtype, device) -> tuple:
    """The convolution there and both gradients back, in the faster of the two layouts of memory."""
    import torch

    def ways(layout) -> tuple:
        shapes = event, kernel, (event[0], kernel[0], *event[2:])
        x, weight, g = (torch.randn(s).to(device, dtype).to(memory_format=layout) for s in shapes)
        rest = [kernel[0]], [1, 1], padding, [1, 1], False, [0, 0], 1, [True, True, False]
        return (
            lambda: torch.conv2d(x, weight, padding=padding),
            lambda: torch.ops.aten.convolution_backward(g, x, weight, *rest),
        )

    there, back = zip(ways(torch.contiguous_format), ways(torch.channels_last), strict=True)
    return min(there, key=_seconds), [min(back, key=_seconds)]
