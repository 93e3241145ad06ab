"""Pictures of soft spots, and the parameters of quick fits, that the tests of pictures share."""

import numpy as np

QUICK = {"max_steps": 0, "layers": 1, "width": 4, "verbose": False, "random_state": 0, "device": "cpu"}


def blobs(n, side=8, levels=256, seed=0):
    """Soft spots of random place and size: pictures whose pixels depend on one another."""
    rng = np.random.default_rng(seed)
    at, size = rng.uniform(1, side - 2, (2, n, 1, 1)), rng.uniform(1, 2, (n, 1, 1))
    rows, columns = np.arange(side)[:, None], np.arange(side)
    grey = np.exp(-((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / (2 * size**2))
    return (grey * (levels - 1)).astype(np.uint8)


def labels(pictures):
    """Whether the spot is in the upper half."""
    return (pictures[:, :4].sum((1, 2)) > pictures[:, 4:].sum((1, 2))).astype(int)


GREY, COLOUR = blobs(300), np.stack([blobs(60, seed=s) for s in (1, 2, 3)], -1)
