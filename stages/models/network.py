"""A neural network for tables, in plain torch: embeddings for categories, scaled numbers, a few dense layers."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import onnx
import pandas as pd
import torch
from torch import Tensor

from stages.errors import InputError, did_you_mean
from stages.models import network_graph
from stages.models.base import Fold, Log, Setting
from stages.models.network_layers import TableNetwork
from stages.task import Feature

UNKNOWN_SHARE = 0.01
"""Share of the category values that training shows as unknown, so that the unknown's embedding is learned."""

EPOCH_STEPS, SMALLEST_BATCH = 64, 32
"""A table too small for so many steps per epoch is cut into smaller batches, though not below the second."""

TRAIN_LOSS_ROWS = 20_000
"""So many training rows, always the same, give the training loss of the learning curve."""

CHUNK = 8192
"""Rows scored at once, which bounds the memory."""


@dataclass(frozen=True)
class NetworkParams:
    """The section ``train.mlp`` of params.yaml.

    Attributes
    ----------
    width, depth
        Units of a hidden layer, and number of hidden layers.
    dropout
        Share of hidden units that a training step leaves out, 0 to below 1.
    embedding
        Largest size of a category's embedding; few levels get a smaller one.
    periodic
        Learned frequencies per number; 0 feeds the scaled number alone.
    lr, weight_decay
        AdamW's largest step size, and its decay.
    batch_size
        Rows per step at most; a small table takes fewer, so that an epoch still has some steps.
    max_epochs, patience
        Passes over the training rows at most, and how many without a better validation loss end it.

    Raises
    ------
    InputError
        A value is out of its range.
    """

    width: int
    depth: int
    dropout: float
    embedding: int
    periodic: int
    lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int

    def __post_init__(self) -> None:
        for name in ("width", "depth", "embedding", "batch_size", "max_epochs", "patience"):
            self._require(name, getattr(self, name) >= 1, "1 or more")
        self._require("periodic", self.periodic >= 0, "0 (off) or more")
        self._require("dropout", 0 <= self.dropout < 1, "at least 0 and below 1")
        self._require("lr", 0 < self.lr < math.inf, "above 0")
        self._require("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more")

    def _require(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise InputError(f"params.yaml: train.mlp.{name} is {getattr(self, name)}.", f"It must be {wanted}.")


@dataclass(frozen=True)
class Rows:
    """A fold as tensors: numbers (rows, numeric features), codes (rows, categorical features), y (rows,)."""

    numbers: Tensor
    codes: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, which: Tensor | slice) -> Rows:
        return Rows(self.numbers[which], self.codes[which], self.y[which])

    def to(self, device: torch.device) -> Rows:
        """Return the same rows in a device's memory."""
        return Rows(self.numbers.to(device), self.codes.to(device), self.y.to(device))


@dataclass(frozen=True)
class Network:
    """A fitted network; see `stages.models.base.Fitted`.

    Attributes
    ----------
    net
        The layers with their learned statistics and weights, in main memory and in evaluation mode.
    levels
        Levels by categorical feature; a level's code is its place plus 1, and 0 is unknown.
    """

    setting: Setting
    levels: dict[str, tuple[str, ...]]
    net: TableNetwork

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return probabilities of shape (rows, classes), or for a regression values of shape (rows,)."""
        numbers, codes = _numbers(X, self.setting.features), _codes(X, self.levels)
        with _reproducible(self.setting, torch.device("cpu")), torch.no_grad():
            parts = [self.net(n, c) for n, c in zip(numbers.split(CHUNK), codes.split(CHUNK), strict=True)]
        output = torch.cat(parts).numpy().astype(np.float64)
        return output[:, 0] if self.setting.task.kind == "regression" else output

    def to_onnx(self) -> onnx.ModelProto:
        """Return one graph from the named feature columns to probabilities or the prediction."""
        return network_graph.export(self.net, self.setting.features, self.levels, self.setting.task)


def fit(params: NetworkParams, train: Fold, validation: Fold, setting: Setting, log: Log) -> Network:
    """Train until the validation loss stops falling, and keep the weights of its best epoch.

    Every statistic (levels, medians, scales, the target's mean and spread) is learned from `train`. The same
    seed, threads and machine give the same weights to the last bit, and torch's global state is left as it was.

    Parameters
    ----------
    log
        Called after each epoch (from 1) with ``train/loss`` and ``validation/loss``, both without dropout:
        log loss in nats, or mean squared error in the target's unit squared.

    Raises
    ------
    InputError
        The device is not there, or the loss was never a finite number.
    """
    device = _device(setting.device)
    levels = {f.name: tuple(sorted(set(train.X[f.name]))) for f in setting.features if f.type == "categorical"}
    with _reproducible(setting, device):
        learning, judging = (_rows(fold, setting, levels) for fold in (train, validation))
        net = TableNetwork(
            numbers=learning.numbers.numpy(),
            sizes=[len(known) + 1 for known in levels.values()],
            target=learning.y.numpy() if setting.task.kind == "regression" else None,
            outputs=max(len(setting.task.classes), 1),
            width=params.width,
            depth=params.depth,
            dropout=params.dropout,
            embedding=params.embedding,
            periodic=params.periodic,
        ).to(device)
        _train(net, params, learning.to(device), judging.to(device), log)
        return Network(setting, levels, net.cpu().eval())


def _train(net: TableNetwork, params: NetworkParams, train: Rows, validation: Rows, log: Log) -> None:
    """Run AdamW with early stopping on `net`, which ends with its best weights."""
    size = min(params.batch_size, max(len(train) // EPOCH_STEPS, SMALLEST_BATCH))
    steps = math.ceil(len(train) / size)
    optimiser = torch.optim.AdamW(net.parameters(), lr=params.lr, weight_decay=params.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps * params.max_epochs)
    shown = train[torch.randperm(len(train))[:TRAIN_LOSS_ROWS].to(train.y.device)]
    best, best_loss, since = None, math.inf, 0
    for epoch in range(1, params.max_epochs + 1):
        net.train()
        for which in torch.randperm(len(train)).to(train.y.device).split(size):
            batch = train[which]
            hidden = torch.rand(batch.codes.shape, device=batch.codes.device) < UNKNOWN_SHARE
            loss = net.loss(batch.numbers, batch.codes.masked_fill(hidden, 0), batch.y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        loss_now = _mean_loss(net, validation)
        log(epoch, {"train/loss": _mean_loss(net, shown), "validation/loss": loss_now})
        if loss_now < best_loss:
            best, best_loss, since = deepcopy(net.state_dict()), loss_now, 0
        else:
            since += 1
        if since >= params.patience:
            break
    if best is None:
        raise InputError(
            f"The network diverged: with train.mlp.lr {params.lr:g} its validation loss was never a finite number.",
            "Lower train.mlp.lr in params.yaml.",
        )
    net.load_state_dict(best)


def _mean_loss(net: TableNetwork, rows: Rows) -> float:
    """Return the mean loss over `rows` without dropout, a regression's in the target's unit squared."""
    net.eval()
    with torch.no_grad():
        places = torch.arange(len(rows), device=rows.y.device).split(CHUNK)
        parts = [rows[which] for which in places]
        total = sum(net.loss(part.numbers, part.codes, part.y).item() * len(part) for part in parts)
    return total / len(rows) * net.unit**2


def _rows(fold: Fold, setting: Setting, levels: dict[str, tuple[str, ...]]) -> Rows:
    y = torch.from_numpy(fold.y.astype(np.float32 if setting.task.kind == "regression" else np.int64))
    return Rows(_numbers(fold.X, setting.features), _codes(fold.X, levels), y)


def _numbers(X: pd.DataFrame, features: tuple[Feature, ...]) -> Tensor:
    """Return the numeric features, float32 with NaN where missing, shape (rows, numeric features)."""
    names = [feature.name for feature in features if feature.type == "numeric"]
    return torch.from_numpy(np.array(X[names], dtype=np.float32))


def _codes(X: pd.DataFrame, levels: dict[str, tuple[str, ...]]) -> Tensor:
    """Return the categorical features as int64 codes, 0 where unknown, shape (rows, categorical features)."""
    columns = [pd.Index(known, dtype=object).get_indexer(X[name].astype(object)) + 1 for name, known in levels.items()]
    codes = np.stack(columns, axis=1) if columns else np.empty((len(X), 0))
    return torch.from_numpy(codes.astype(np.int64))


def _device(name: str) -> torch.device:
    """Return the device to train on; ``auto`` is CUDA, else MPS, else the processor."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in present.items() if there)
    if name not in present:
        raise InputError(
            f"params.yaml: train.device is {name!r}.{did_you_mean(name, ['auto', *present])}",
            "Choose one of: auto, cpu, cuda, mps.",
        )
    if not present[name]:
        raise InputError(
            f"params.yaml: train.device is {name!r}, and torch finds no such device on this machine.",
            "Set train.device to auto or cpu, or install a torch that was built for it.",
        )
    return torch.device(name)


@contextmanager
def _reproducible(setting: Setting, device: torch.device) -> Iterator[None]:
    """Seed torch, fix its threads and demand deterministic algorithms; afterwards all is as it was."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    metal = torch.mps.get_rng_state() if device.type == "mps" else None
    generator = {"cuda": torch.cuda, "mps": torch.mps}.get(device.type)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if device.type == "cuda" else []):
        try:
            # cuBLAS is deterministic only with a fixed workspace (NVIDIA, cuBLAS library, "Results reproducibility").
            os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
            torch.default_generator.manual_seed(setting.seed)
            if generator:
                generator.manual_seed(setting.seed)
            torch.set_num_threads(setting.threads)
            # Not every Metal kernel has a deterministic form.
            torch.use_deterministic_algorithms(True, warn_only=device.type == "mps")
            yield
        finally:
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)
            torch.set_num_threads(threads)
            if workspace is None:
                del os.environ["CUBLAS_WORKSPACE_CONFIG"]
            else:
                os.environ["CUBLAS_WORKSPACE_CONFIG"] = workspace
            if metal is not None:
                torch.mps.set_rng_state(metal)
