"""Random Fourier features of embeddings: a linear model on them is a Gaussian-kernel machine on the embeddings.

Rahimi and Recht, Random Features for Large-Scale Kernel Machines, 2007; rows made orthogonal as in Yu et al., Orthogonal Random
Features, 2016. A kernel machine would keep its examples' embeddings, from which texts can be guessed; these weights keep none.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

FREQUENCIES = 2048
"""each gives two features; 1,024 lose a point of accuracy on 77 intents, 4,096 cost four times the training for a quarter of one"""
WIDTH = 0.5
"""gamma of exp(-gamma |a - b|²): on unit vectors 0.3 to 1 do alike, see docs/learning.md"""


def frequencies(dimensions: int, seed: int) -> Floats:
    """Dimensions by `FREQUENCIES`. The same arguments give the same up to the last bits, so a model keeps its own."""
    draw = np.random.default_rng(seed)
    blocks = []
    for _ in range(-(-FREQUENCIES // dimensions)):
        directions, _ = np.linalg.qr(draw.standard_normal((dimensions, dimensions)))
        blocks.append(directions * np.linalg.norm(draw.standard_normal((dimensions, dimensions)), axis=1))
    rows: Floats = (np.concatenate(blocks, axis=1)[:, :FREQUENCIES] * np.sqrt(2 * WIDTH)).astype(np.float32)
    return rows


def waves(vectors: Floats, of: Floats) -> Floats:
    """Texts by twice the frequencies; each row is of unit length."""
    phase = vectors @ of
    out = np.empty((len(phase), 2 * phase.shape[1]), dtype=np.float32)
    np.cos(phase, out=out[:, : phase.shape[1]])
    np.sin(phase, out=out[:, phase.shape[1] :])
    out *= np.float32(1 / np.sqrt(phase.shape[1]))
    return out
