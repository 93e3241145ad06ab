# %% [markdown]
# # Images: digits given their labels
#
# 1,797 handwritten digits of 8 × 8 pixels with values from 0 to 16. We learn the density of a picture given its label,
# measure it in bits per dimension, draw, interpolate and complete. 150 steps are few: the figures of a real training
# are in the [benchmarks](../benchmarks.md).

# %%
# %matplotlib inline
import numpy as np
import torch
from sklearn.datasets import load_digits

from realnvp import ImageRealNVP
from realnvp.report import montage
from realnvp.report.plots import fresh_figure

torch.set_num_threads(1)
digits = load_digits()
images, labels = digits.images.astype(np.uint8), digits.target
train, test = slice(0, 1500), slice(1500, 1797)


def sheet(pictures, columns):
    """A figure of pictures in rows."""
    figure, axes = fresh_figure(columns * 0.9, np.ceil(len(pictures) / columns))
    axes[0, 0].imshow(montage(pictures, columns, levels=17), interpolation="nearest")
    axes[0, 0].set_axis_off()
    return figure


# %% [markdown]
# ## Fit

# %%
model = ImageRealNVP(levels=17, max_steps=150, random_state=0, verbose=False)
model.fit(images[train], context=labels[train])
bits, error = model.bits_per_dim(images[test], labels[test])
print(f"{bits:.3f} ± {error:.3f} bits per dimension held out")
print(f"{np.log2(17):.3f} for random pictures")

# %% [markdown]
# ## Draw
#
# Two of each label; `temperature` below 1 gives likelier pictures of fewer kinds.

# %%
two_each = np.tile(np.arange(10), 2)
sheet(model.sample(20, context=two_each, temperature=0.8, random_state=0), 10)

# %% [markdown]
# ## From one picture to another
#
# The path goes through latent space, `cos(phi) z_a + sin(phi) z_b`, while the label goes from the one to the other.

# %%
a, b = 1503, 1508
sheet(model.interpolate(images[a], images[b], steps=10, context=labels[[a, b]]), 10)

# %% [markdown]
# ## Complete
#
# The lower half is hidden and drawn from the density given the upper half, by Langevin steps. Above the originals,
# below the completed ones; the upper halves are the same to the bit.

# %%
hidden = np.arange(8)[:, None] > np.full(8, 3)
some = slice(1500, 1510)
painted = model.inpaint(images[some], hidden, context=labels[some], steps=40, random_state=0)
print("upper halves unchanged:", np.array_equal(painted[:, :4], images[some][:, :4]))
sheet(np.concatenate([images[some], painted]), 10)

# %% [markdown]
# ## Which label?
#
# A density given the label is a classifier: the label under which a picture is likeliest.

# %%
few = images[1500:1550]
scores = [model.score_samples(few, np.full(50, k), draws=1) for k in range(10)]
right = np.argmax(scores, axis=0) == labels[1500:1550]
print(f"right for {right.mean():.0%} of 50 held-out digits")
