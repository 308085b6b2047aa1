"""The network's layers, from raw numbers and category codes to logits or the standardised target."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

BOUND = 1e4
"""A scaled number is cut here, so that its square stays a float32."""

FREQUENCY_SPREAD = 0.1
"""Standard deviation of the first frequencies of the periodic embeddings, in cycles per scaled unit."""

PERIODIC_SIZE = 8
"""Size of a number's periodic embedding."""


class Numbers(nn.Module):
    """Numbers imputed, scaled, softly clipped and marked where missing; optionally with periodic embeddings.

    A number is centred at its training median (which a missing value takes), divided by the distance between
    its quartiles (where those are equal, by half its range) and clipped smoothly into (-3, 3) by
    ``x / sqrt(1 + (x / 3)**2)``, so that one far value does not flatten the rest [1]_. A number that was missing
    in training is accompanied by a 0/1 mark.

    Periodic embeddings give each number ``ReLU(Linear([cos(2 pi f x), sin(2 pi f x)]))`` with learned
    frequencies f, the linear layer shared by all numbers ("PLR lite") [2]_.

    Parameters
    ----------
    values
        The training rows, float32 with NaN where missing, shape (rows, numbers).
    periodic
        Frequencies per number; 0 for none.

    References
    ----------
    .. [1] Holzmüller, Grinsztajn, Steinwart: Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on
       Tabular Data. NeurIPS 2024.
    .. [2] Gorishniy, Rubachev, Babenko: On Embeddings for Numerical Features in Tabular Deep Learning.
       NeurIPS 2022.
    """

    centre: Tensor
    spread: Tensor
    marked: Tensor

    def __init__(self, values: np.ndarray, periodic: int) -> None:
        super().__init__()
        centre, spread = _centre_and_spread(values)
        self.register_buffer("centre", torch.from_numpy(centre))
        self.register_buffer("spread", torch.from_numpy(spread))
        self.register_buffer("marked", torch.from_numpy(np.flatnonzero(np.isnan(values).any(axis=0))))
        count = values.shape[1]
        self.size = count + len(self.marked) + (count * PERIODIC_SIZE if periodic else 0)
        self.periodic = periodic
        if periodic:
            self.frequencies = nn.Parameter(torch.randn(count, periodic) * FREQUENCY_SPREAD)
            self.mix = nn.Linear(2 * periodic, PERIODIC_SIZE)

    def forward(self, numbers: Tensor) -> list[Tensor]:
        """Return blocks of columns, each of shape (rows, some)."""
        missing = torch.isnan(numbers)
        scaled = (torch.where(missing, self.centre, numbers) - self.centre) / self.spread
        scaled = scaled.clamp(-BOUND, BOUND)
        scaled = scaled / torch.sqrt(1 + (scaled / 3) ** 2)
        blocks = [scaled]
        if len(self.marked):
            blocks.append(missing.index_select(1, self.marked).to(scaled.dtype))
        if self.periodic:
            angle = 2 * math.pi * scaled.unsqueeze(2) * self.frequencies
            blocks.append(torch.relu(self.mix(torch.cat([torch.cos(angle), torch.sin(angle)], dim=2))).flatten(1))
        return blocks


class TableNetwork(nn.Module):
    """Embedded categories and scaled numbers through dense layers.

    Parameters
    ----------
    numbers
        Training rows of the numeric features, shape (rows, numbers).
    sizes
        Number of codes of each categorical feature, unknown (0) included.
    target
        A regression's training targets, which give the unit in which it predicts; None for a classifier.
    outputs
        Classes, or 1 for a regression.
    width, depth, dropout, embedding, periodic
        See `stages.models.network.NetworkParams`.

    Attributes
    ----------
    unit
        Standard deviation of a regression's training targets; 1 for a classifier.
    """

    def __init__(
        self,
        numbers: np.ndarray,
        sizes: Sequence[int],
        target: np.ndarray | None,
        outputs: int,
        *,
        width: int,
        depth: int,
        dropout: float,
        embedding: int,
        periodic: int,
    ) -> None:
        super().__init__()
        self.numbers = Numbers(numbers, periodic if numbers.shape[1] else 0)
        embedding_sizes = [min(embedding, math.ceil(math.sqrt(codes))) for codes in sizes]
        self.embeddings = nn.ModuleList(nn.Embedding(*shape) for shape in zip(sizes, embedding_sizes, strict=True))
        layers: list[nn.Module] = []
        size = self.numbers.size + sum(embedding_sizes)
        for _ in range(depth):
            layers += [nn.Linear(size, width), nn.SiLU(), nn.Dropout(dropout)]
            size = width
        self.dense = nn.Sequential(*layers, nn.Linear(size, outputs))
        self.is_classifier = target is None
        self.mean = 0.0 if target is None else float(np.mean(target, dtype=np.float64))
        self.unit = 1.0 if target is None else float(np.std(target, dtype=np.float64)) or 1.0

    def logits(self, numbers: Tensor | None, codes: Tensor | None) -> Tensor:
        """Return logits (rows, classes), or the standardised target (rows, 1); None stands for no such features."""
        blocks = [] if numbers is None else self.numbers(numbers)
        if codes is not None:
            blocks = blocks + [table(codes[:, place]) for place, table in enumerate(self.embeddings)]
        output: Tensor = self.dense(torch.cat(blocks, dim=1))
        return output

    def forward(self, numbers: Tensor | None = None, codes: Tensor | None = None) -> Tensor:
        """Return probabilities (rows, classes), or the prediction in the target's unit (rows, 1)."""
        output = self.logits(numbers, codes)
        return torch.softmax(output, dim=1) if self.is_classifier else output * self.unit + self.mean

    def loss(self, numbers: Tensor, codes: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats, or the mean squared error of the standardised target."""
        output = self.logits(numbers, codes)
        if self.is_classifier:
            return nn.functional.cross_entropy(output, y)
        return nn.functional.mse_loss(output[:, 0], (y - self.mean) / self.unit)


def _centre_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each column's median and the distance of its quartiles, or a stand-in that is never 0; float32."""
    centre, spread = np.zeros(values.shape[1], np.float32), np.ones(values.shape[1], np.float32)
    for place, column in enumerate(values.T):
        seen = column[~np.isnan(column)].astype(np.float64)
        if len(seen):
            low, quarter, centre[place], three_quarters, high = np.quantile(seen, [0, 0.25, 0.5, 0.75, 1])
            spread[place] = (three_quarters - quarter) or (high - low) / 2 or 1
    return centre, spread
