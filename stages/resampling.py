"""What chance does to a figure: the block bootstrap, and its shortcut where thousands of figures are asked.

Rows of one day, or of one customer, go well or badly together. Resampling single rows would take each for a
fresh piece of evidence and give intervals several times too narrow; so whole blocks are resampled ("Bootstrap
methods and their application", 1997, section 3.8). Where every row is its own block this is the ordinary bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from stages.metrics import Scorer
from stages.task import Task

LEVEL = 0.95
"""Share of the intervals that hold the true figure, if blocks are independent and there are enough of them."""

Z = 1.959964
"""The normal distribution's half-width of a 95 % interval, in standard errors."""


def block_codes(blocks: pd.Series | np.ndarray) -> tuple[np.ndarray, int]:
    """Return each row's block as a code from 0, by sorted name, and how many blocks there are."""
    codes, names = pd.factorize(np.asarray(blocks, dtype=object), sort=True)
    return codes, len(names)


def draws(blocks: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield, for each resample, how often each block was drawn: int32 of shape (blocks,), summing to `blocks`."""
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = generator.integers(0, blocks, blocks)
        yield np.bincount(drawn, minlength=blocks).astype(np.int32)


def intervals(
    task: Task,
    y: np.ndarray,
    prediction: np.ndarray,
    blocks: pd.Series | np.ndarray,
    threshold: float | None,
    resamples: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Return a 95 % percentile interval for each metric of `metrics.score`.

    Parameters
    ----------
    task, y, prediction, threshold
        As for `metrics.score`.
    blocks
        The block of each row; blocks are drawn with replacement, whole. Shape (rows,).
    resamples
        How many resamples; a metric that is undefined on one (a class is absent) goes without it.
    seed
        Seed of the draws: the same seed gives the same intervals.

    Returns
    -------
    dict
        (low, high) by metric; empty with fewer than two blocks or resamples, which say nothing of chance.
    """
    codes, count = block_codes(blocks)
    if count < 2 or resamples < 2:
        return {}
    scorer = Scorer.of(task, y, prediction, threshold, codes)
    found: dict[str, list[float]] = {}
    for weights in draws(count, resamples, seed):
        for name, value in scorer(weights).items():
            found.setdefault(name, []).append(value)
    ends = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    point = scorer(np.ones(count))
    result = {}
    for name in point:
        if len(found.get(name, [])) >= 2:
            low, high = np.percentile(found[name], ends)
            result[name] = (float(low), float(high))
    if "ece" in result:
        result["ece"] = _without_noise(result["ece"], found["ece"], point["ece"])
    return result


def _without_noise(interval: tuple[float, float], resampled: list[float], point: float) -> tuple[float, float]:
    """Move ECE's interval down by what resampling adds: a mean of absolute values grows with any noise."""
    excess = float(np.mean(resampled)) - point
    return max(0.0, interval[0] - excess), max(0.0, interval[1] - excess)


def merged_blocks(blocks: pd.Series | np.ndarray, at_most: int, seed: int) -> np.ndarray:
    """Return each row's group: the blocks themselves, or `at_most` groups of whole blocks put together by chance.

    Sums over independent groups of blocks vary as sums over blocks do, so that `mean_errors` stays right
    and its tables small.
    """
    codes, count = block_codes(blocks)
    if count <= at_most:
        return codes
    return np.random.default_rng(seed).permutation(count)[codes] % at_most


def mean_errors(
    sums: np.ndarray, counts: np.ndarray, against: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard error of each cell's mean, or of its difference to another mean, from sums by group.

    Parameters
    ----------
    sums, counts
        Sum of a figure and number of rows, by cell and group of rows. Shape (cells, groups).
    against
        (sums, counts) of the rows to compare with, each of shape (groups,): usually all rows, of which
        the cell's are a part, which is accounted for.

    Returns
    -------
    errors, freedom : numpy.ndarray
        Each of shape (cells,); `freedom` are the degrees of freedom for `quantile`: how many groups of equal
        size would weigh as much as the cell's (the square of their sum over the sum of their squares), less
        one. Below one, the error is infinite.

    Notes
    -----
    The first-order (delta) approximation of the block bootstrap of a ratio of sums, as survey statistics
    uses for clusters: residuals are summed within each group, then squared.
    """
    residual = _influence(sums, counts)
    if against is not None:
        residual = residual - _influence(against[0][None, :], against[1][None, :])
    rows = counts.sum(axis=1).astype(np.float64)
    freedom = rows**2 / np.maximum((counts.astype(np.float64) ** 2).sum(axis=1), 1) - 1
    known = freedom >= 1
    correction = np.sqrt((freedom + 1) / np.where(known, freedom, 1))
    return np.where(known, np.sqrt((residual**2).sum(axis=1)) * correction, np.inf), freedom


def quantile(z: float, freedom: np.ndarray) -> np.ndarray:
    """Return the t distribution's quantile where the normal distribution's is `z` > 0; shape of `freedom`.

    What is seen on three days only must be far larger to be believed than what is seen on ninety. Closed form,
    within 3 % from 7 degrees of freedom on and rather too large below ("Bounds on normal approximations to
    Student's and the chi-square distributions", Annals of Mathematical Statistics 30, 1959); infinite below 1.
    """
    known = np.maximum(freedom, 1.0)
    exponent = (z * (8 * known + 3) / (8 * known + 1)) ** 2 / known
    return np.where(freedom >= 1, np.sqrt(known * np.expm1(exponent)), np.inf)


def _influence(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return how far each group moves its cell's mean; shape (cells, groups)."""
    rows = counts.sum(axis=1, keepdims=True)
    mean = np.divide(sums.sum(axis=1, keepdims=True), rows, out=np.zeros(rows.shape), where=rows > 0)
    return np.divide(sums - mean * counts, rows, out=np.zeros(sums.shape), where=rows > 0)
