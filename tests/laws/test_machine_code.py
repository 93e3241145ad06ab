"""A flow compiled to machine code."""

import shutil

import pytest
import torch
from torch import nn

from realnvp.recipes import real_nvp


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # its own
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a compiler")
def test_compiled_to_machine_code_it_gives_the_same():
    torch._dynamo.reset()
    flow = real_nvp(2, layers=1, hidden=(8,))
    for p in flow.parameters():
        nn.init.normal_(p, std=0.3)
    x = torch.randn(16, 2)

    torch.testing.assert_close(torch.compile(flow.log_prob, fullgraph=True)(x), flow.log_prob(x), rtol=1e-5, atol=1e-5)
