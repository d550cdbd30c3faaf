"""What the VAE bench learns to draw: swings of a needle, and handwritten digits.

Neither needs a network: the swings are computed, the digits stand in `data`.
"""

from functools import cache
from importlib import resources

import numpy as np
import torch

COUNT = 1797
"""Rows of each."""
SIDE = 8
"""Pixels of a digit, across and down."""
INSTANTS = 12
"""At which a swing is read."""
SCATTER = 0.2
"""The sd of these readings."""


@cache
def swings() -> np.ndarray:
    """Swings of a needle after a parcel is put on a scale, each read at twelve instants.

    Two things differ from swing to swing, both normal: the weight, which says where the needle
    comes to rest, and how fast it swings, for no two springs are alike. The readings are linear in
    the first and not in the second.

    Returns:
        (1797, 12), read only, and the same at every call. Neighbours are as unlike as can be, so
        that the first rows are spread like all of them.

    Source: of the even spread, Roberts, The unreasonable effectiveness of quasirandom sequences.

    Example:
        >>> swings().shape, round(float(swings()[:, -1].mean()), 2)
        ((1797, 12), 1.0)
    """
    plastic = 1.324717957244746  # solves p^3 = p + 1
    row = np.arange(1, COUNT + 1)
    even = np.stack([row / plastic % 1.0, row / plastic**2 % 1.0])
    weight, haste = torch.special.ndtri(torch.from_numpy(even)).numpy()[..., None]
    time = np.linspace(0.0, 1.0, INSTANTS)
    phase = 8.0 * (1.0 + 0.3 * haste) * time
    rest = (1.0 + 0.25 * weight) * (1.0 - np.exp(-2.5 * time) * np.cos(phase))
    noise = np.random.default_rng(1).normal(0.0, SCATTER, rest.shape)
    return _still(rest + noise)


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits, row by row from the top, and what they show.

    Returns:
        Pixels from 0 (paper) to 1 (ink), (1797, 64); labels from 0 to 9, (1797,). Read only.

    Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, its test set (CC BY 4.0; see data/digits.md).

    Example:
        >>> pixels, labels = digits()
        >>> pixels.shape, labels[:3].tolist()
        ((1797, 64), [0, 1, 2])
    """
    text = (resources.files("ppl_widgets") / "data" / "digits.txt").read_text("ascii")
    rows = [line.split() for line in text.splitlines()]
    ink = np.array([[int(pixel, 17) for pixel in pixels] for _, pixels in rows])
    return _still(ink / 16.0), _still(np.array([int(label) for label, _ in rows]))


def _still(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False
    return values
