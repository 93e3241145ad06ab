"""Digits by a multi-scale flow: bits per dimension, samples, paths, pictures completed, and which are unlikely."""

import numpy as np
from _common import Example

from realnvp import ImageRealNVP
from realnvp.data.images import image_set
from realnvp.measure import pixelwise_bits
from realnvp.report import draw_images

run = Example(__file__)
digits = image_set("digits")  # 8 x 8, 17 levels; "mnist" and others are read from files or the network
model = ImageRealNVP(levels=digits.levels, max_steps=run.steps(1500), random_state=0)
model.fit(digits.train, context=digits.train_labels)

# measure: held-out digits under their own label and under every label
bits = model.bits_per_dim(digits.test, digits.test_labels)
alone = pixelwise_bits(digits.train, digits.test, digits.levels)
print(f"held-out digits     {bits.value:.3f} +- {bits.error:.3f} bits/dim")
print(f"independent pixels  {alone.value:.3f} bits/dim, random pictures {np.log2(digits.levels):.3f}")
every = np.stack([model.score_samples(digits.test, np.full(len(digits.test), c)) for c in model.classes_], 1)
found = model.classes_[every.argmax(1)]  # Bayes: the label under which the picture is likeliest
print(f"labels told by the densities: {np.mean(found == digits.test_labels):.1%} right")

# simple pictures may be likelier than the data: a score is no verdict on what a picture shows
black = np.zeros((1, 8, 8), np.uint8)
best = min(model.bits_per_dim(black, [c]).value for c in model.classes_)
print(f"a black picture     {best:.3f} bits/dim under its best label")

for path in draw_images(run.out, model, digits.test, context=digits.test_labels):
    print("picture:", path)
