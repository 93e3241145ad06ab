"""The optimiser: torch's update, clipped and skipped on the device, and no compiler brought along."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from realnvp.train.optim import AdamW, adamw


def nets(dtype=torch.float32):
    torch.manual_seed(0)
    one = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)
    two = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)
    two.load_state_dict(one.state_dict())
    return one, two


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_clipped_step_is_that_of_torch(dtype):
    ours, theirs = nets(dtype)
    mine = adamw(ours, 0.01, weight_decay=0.1)
    decayed, plain = ([p for p in theirs.parameters() if p.dim() == d] for d in (2, 1))
    reference = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}], lr=0.01, betas=(0.9, 0.99)
    )
    for i in range(20):
        x = (i + 1.0) * torch.randn(8, 3, dtype=dtype)
        for net in (ours, theirs):
            net.zero_grad()
            net(x).square().sum().backward()
        norm = nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        reference.step()
        mine.guarded_step(norm.clamp(min=1.0), torch.tensor(False))

    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_a_skipped_step_changes_nothing():
    net, _ = nets()
    optimizer = adamw(net, 0.1)
    net(torch.ones(1, 3)).sum().backward()
    optimizer.guarded_step(torch.tensor(1.0), torch.tensor(False))
    before = {
        **net.state_dict(),
        **{f"{i}.{k}": v for i, s in optimizer.state_dict()["state"].items() for k, v in s.items()},
    }
    before = {name: value.clone() for name, value in before.items()}
    for p in net.parameters():
        p.grad.fill_(torch.nan)
    optimizer.guarded_step(torch.tensor(torch.nan), torch.tensor(True))
    after = {
        **net.state_dict(),
        **{f"{i}.{k}": v for i, s in optimizer.state_dict()["state"].items() for k, v in s.items()},
    }

    assert all(torch.equal(before[name], after[name]) for name in before)


def test_parameters_of_several_widths_and_without_gradients_are_served():
    wide, narrow, unused = (nn.Parameter(torch.ones(2, dtype=d)) for d in (torch.float64, torch.float32, torch.float32))
    optimizer = AdamW([{"params": [wide, narrow, unused]}], lr=0.5)
    (wide.sum() + narrow.sum()).backward()
    optimizer.step()

    assert wide.tolist() == pytest.approx([0.5, 0.5])
    assert narrow.tolist() == pytest.approx([0.5, 0.5])
    assert unused.tolist() == [1, 1]


def test_parameters_that_sit_steps_out_are_counted_each_by_itself():
    mine, theirs = ([nn.Parameter(torch.full((2,), float(i + 1))) for i in range(4)] for _ in range(2))
    ours, torchs = (
        AdamW([{"params": mine}], lr=0.1),
        torch.optim.AdamW(theirs, 0.1, betas=(0.9, 0.99), weight_decay=0.0),
    )
    for chosen in ([0, 1, 2, 3], [0, 1, 2, 3], [1, 3], [0, 2], [3], [0, 1, 2, 3]):
        before = {i: {k: v.clone() for k, v in kept.items()} for i, kept in ours.state_dict()["state"].items()}
        held = ours.state_dict()["state"]
        for params, optimizer in ((mine, ours), (theirs, torchs)):
            optimizer.zero_grad()
            sum((p**2).sum() for i, p in enumerate(params) if i in chosen).backward()
            optimizer.step()
        assert all(torch.equal(held[i]["step"], kept["step"]) for i, kept in before.items())  # no view of what goes on

    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other)
    assert [int(ours.state[p]["step"]) for p in mine] == [4, 4, 4, 5]


def test_its_state_goes_into_another():
    one, two = nets()
    first, second = adamw(one, 0.1), adamw(two, 0.1)
    for _ in range(3):
        one(torch.ones(1, 3)).sum().backward()
        first.step()
        first.zero_grad()
    two.load_state_dict(one.state_dict())
    second.load_state_dict(first.state_dict())
    for net, optimizer in ((one, first), (two, second)):
        net(torch.ones(1, 3)).sum().backward()
        optimizer.step()

    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_a_training_does_not_bring_the_compiler():
    code = (
        "import sys, torch; from realnvp import MaxLikelihood, real_nvp; from realnvp.train import adamw, fit;"
        "flow = real_nvp(2, layers=1); [s for s in fit(MaxLikelihood(flow), [torch.randn(8, 2)] * 2, adamw(flow))];"
        "sys.exit('torch._dynamo' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
