"""The plain published Real NVP of pictures: all pixels in a row, Adam 1e-3, 100 epochs, a sheet after every epoch.

``REALNVP_DATA=FOLDER python examples/flat_pictures.py`` takes MNIST from there (784 pixels), else the digits (64).
"""

import math
import os

import torch
from _common import Example

from realnvp import Flow, MaxLikelihood
from realnvp.data.images import image_set
from realnvp.recipes import flat_real_nvp
from realnvp.report import gif_bytes, montage, png_bytes
from realnvp.train import fit
from realnvp.transforms import Compose, Logit

run = Example(__file__)
data = image_set("mnist" if os.environ.get("REALNVP_DATA") else "digits")
event, levels = (1, *data.train.shape[1:]), data.levels
core = flat_real_nvp(event, layers=6, hidden=(64, 128, 128, 64))  # or hidden=(512,) * 4
flow = Flow(Compose(Logit(0.05, event_dim=3), core.transform), core.base)
train, test = (torch.as_tensor(a.copy())[:, None] for a in (data.train, data.test))
noise = flow.base.sample(64)


def dequantised(k):
    return (k + torch.rand(k.shape)) / levels


@torch.no_grad()
def bits(k):
    nats = -sum(flow.log_prob(dequantised(part)).sum().item() for part in k.split(1000)) / len(k)
    return nats / (math.prod(event) * math.log(2)) + math.log2(levels)


@torch.no_grad()
def sheet(epoch):
    x = (flow.inverse(noise)[0] * levels).floor().clamp(0, levels - 1)
    drawn = montage(x[:, 0].numpy().astype("uint8"), levels=levels)
    (run.out / "epochs" / f"{epoch:03}.png").write_bytes(png_bytes(drawn))
    return drawn


(run.out / "epochs").mkdir(parents=True, exist_ok=True)
sheets = [sheet(0)]
optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
for epoch in range(1, run.steps(100) + 1):
    batches = (dequantised(train[rows]) for rows in torch.randperm(len(train)).split(100))
    for _ in fit(MaxLikelihood(flow), batches, optimizer):
        pass
    sheets.append(sheet(epoch))
    if epoch % 10 == 0 or epoch == 1:
        print(f"epoch {epoch:3}   held-out {bits(test):.4f} bits/dim")

(run.out / "samples.png").write_bytes(png_bytes(sheets[-1]))
(run.out / "training.gif").write_bytes(gif_bytes(sheets, milliseconds=100))
print("pictures:", run.out / "samples.png", run.out / "training.gif", run.out / "epochs")
