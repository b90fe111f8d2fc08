"""Gradient clipping: a step in the same direction, but no longer than allowed."""

from __future__ import annotations

import math

import numpy as np

from mlp.nn.network import MLP


@np.errstate(all="ignore")
def clip_gradient_norm(network: MLP, max_norm: float) -> float:
    """All gradients as one: g <- g · min(1, max_norm / ‖g‖). Returns ‖g‖ before clipping.

    Pascanu et al. 2013, arXiv:1211.5063; torch.nn.utils.clip_grad_norm_.

    Raises:
        ValueError: max_norm is not above 0.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0, got {max_norm!r}")
    g = network.gradient
    norm = float(np.linalg.norm(g))
    if not math.isfinite(norm):  # float32 squares overflow from 1e19 on
        norm = float(np.linalg.norm(g.astype(np.float64)))
    if norm > max_norm or math.isnan(norm):
        g *= float(max_norm / (norm + 1e-6))
    return norm
