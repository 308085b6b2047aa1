"""How far two distributions are apart."""

from __future__ import annotations

import numpy as np


def js_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Jensen-Shannon distance of two histograms, 0 (the same) to 1 (nothing in common).

    Parameters
    ----------
    first, second
        Counts over the same bins, shape (bins,). Where one of them is empty, the distance is 0.

    Notes
    -----
    The square root of the Jensen-Shannon divergence in bits: Endres and Schindelin, "A new metric for
    probability distributions", IEEE Transactions on Information Theory 49, 2003.
    """
    if not first.sum() or not second.sum():
        return 0.0
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2
    parts = [np.sum(one[one > 0] * np.log2(one[one > 0] / middle[one > 0])) for one in (p, q)]
    return float(np.sqrt(min(1.0, max(0.0, sum(parts) / 2))))
