"""Whether a network is as often right as it is sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
FEWEST = 20  # answers in a bin: of fewer, the share that is right is mostly chance


@dataclass(frozen=True, eq=False)
class Reliability:
    """Answers sorted into B bins of equal width by how sure they were.

    counts: (B,) answers in each bin; confidence, accuracy: (B,) their mean confidence and the share that is right, NaN
    in an empty bin.
    """

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def edges(self) -> NDArray[np.float64]:
        """(B + 1,) where the bins begin and end."""
        return np.linspace(0, 1, len(self.counts) + 1)

    @property
    def expected_error(self) -> float:
        """Expected calibration error: the mean over all answers of their bin's |accuracy - confidence|.

        NaN when there are none. Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
        Binning", AAAI 2015.
        """
        gaps = self.counts * np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps) / self.counts.sum()) if self.counts.any() else np.nan

    @property
    def largest_gap(self) -> float:
        """The largest |accuracy - confidence| of a bin with at least FEWEST answers, NaN without one.

        With every bin in it, that of a single answer too, it is the maximum calibration error (ibid.).
        """
        enough = self.counts >= FEWEST
        return float(np.abs(self.accuracy - self.confidence)[enough].max()) if enough.any() else np.nan


def reliability(confidence: NDArray[Any], right: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """The reliability diagram of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    confidence: (N,) the probability of each answer, right: (N,). Bin b holds confidences in (b / bins, (b + 1) / bins],
    the first one 0 too. What is not a number is left out. Raises ValueError for less than one bin.
    """
    if bins < 1:
        raise ValueError(f"bins must be 1 or more, got {bins!r}")
    known = np.isfinite(confidence)
    sure, hit = np.asarray(confidence[known], np.float64), right[known]
    edges = np.linspace(0, 1, bins + 1)
    places = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):  # an empty bin: 0 / 0
        return Reliability(
            counts,
            np.bincount(places, weights=sure, minlength=bins) / counts,
            np.bincount(places, weights=hit, minlength=bins) / counts,
        )
