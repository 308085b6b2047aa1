"""From a fitted model to the folder that is shipped, refused unless it predicts what the model predicts."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import re
import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

from stages import files
from stages.artifact import ENVIRONMENT, FILES, SIGNATURE, Artifact, Signature, open_model
from stages.errors import InputError
from stages.models.base import PREDICTION, PROBABILITIES, Fitted, Fold, NotExpressible
from stages.task import Feature

TOLERANCE = 1e-4
"""Largest difference of exported and trained model: in probability, or in a regression target's standard deviations."""

ROUNDING = 1e-6
"""Difference of a regression's value, as a share of it, that is float32's and not the export's."""

HELD_OUT = 20_000
"""Rows on which the two are compared, at most, evenly spaced."""

STRANGE = 100
"""Rows of them that are also compared with categories that nobody has seen, and with nothing filled in."""

UNSEEN = "\u2400 never seen in training"

CONSTRAINTS = "constraints.txt"

PACKAGES = (
    "numpy", "onnx", "onnxruntime", "onnxscript", "pandas", "scikit-learn", "scipy", "skl2onnx", "skops", "torch",
)  # fmt: skip
"""Packages whose version can change the model or its predictions."""


class ExportMismatch(InputError):
    """The exported model does not predict what the trained one does."""


@dataclass(frozen=True)
class Environment:
    """What a model was made with, and neither its data nor its params say.

    Attributes
    ----------
    device
        Where it learned: cpu, cuda or mps.
    threads
        Threads that it learned with.
    """

    device: str
    threads: int

    def to_json(self, constraints: str | Path = CONSTRAINTS) -> dict[str, object]:
        """Return plain values for JSON, with the versions in use and the sha256 of the constraints file."""
        file = Path(constraints)
        return {
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "system": platform.system(),
            "machine": platform.machine(),
            "device": self.device,
            "threads": self.threads,
            "packages": {name: found for name in PACKAGES if (found := _version(name))},
            "constraints_sha256": hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None,
        }


def write(folder: Path, fitted: Fitted, signature: Signature, environment: Environment) -> Signature:
    """Write the model, its signature and its environment into `folder`, which is made.

    Parameters
    ----------
    signature
        As wanted; what is written has the format that the model turned out to need.

    Returns
    -------
    Signature
        As written.

    Raises
    ------
    InputError
        A feature has the name of the graph's output.
    """
    output = PREDICTION if signature.task.kind == "regression" else PROBABILITIES
    if any(feature.name == output for feature in signature.features):
        raise InputError(
            f"A feature is called '{output}', as the model's output is.", "Rename that column, or drop it."
        )
    folder.mkdir(parents=True)
    try:
        content, format_ = fitted.to_onnx().SerializeToString(deterministic=True), "onnx"
    except NotExpressible as reason:
        content, format_ = skops_bytes(reason.estimator), "skops"
    written = Signature(signature.task, signature.features, format_, signature.threshold, signature.model)
    (folder / FILES[format_]).write_bytes(content)
    write_signature(folder, written)
    files.write_json(folder / ENVIRONMENT, environment.to_json())
    return written


def write_signature(folder: Path, signature: Signature) -> None:
    """Write ``signature.json`` into the model's folder."""
    files.write_json(folder / SIGNATURE, signature.to_json())


def skops_bytes(estimator: object) -> bytes:
    """Return an estimator as a skops file, the same bytes for the same estimator.

    skops names what it stores by memory address and stamps it with the time; both are replaced.
    """
    from skops import io as skops

    source = zipfile.ZipFile(io.BytesIO(skops.dumps(estimator)))
    schema = source.read("schema.json").decode()
    numbers: dict[str, str] = {}

    def numbered(found: re.Match[str]) -> str:
        return found[1] + numbers.setdefault(found[2], str(len(numbers) + 1)) + found[3]

    schema = re.sub(r'("__id__": )(\d+)()', numbered, schema)
    schema = re.sub(r'("file": ")(\d+)(\.\w+")', numbered, schema)
    contents = {re.sub(r"^()(\d+)(\.)", numbered, name): source.read(name) for name in source.namelist()}
    contents["schema.json"] = json.dumps(json.loads(schema), indent=1).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in sorted(contents):
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), contents[name])
    return made.getvalue()


def check(folder: Path, fitted: Fitted, held_out: Fold, threads: int) -> tuple[Artifact, float]:
    """Open what was written and compare it with the model on rows that it has not learned from.

    Parameters
    ----------
    held_out
        Such rows. Some of them are also tried with categories that nobody has seen, and with nothing filled in.

    Returns
    -------
    artifact : Artifact
        The opened model.
    apart : float
        The largest difference met: of a probability, or for a regression `TOLERANCE` times its share of what
        is allowed, so that it is at most `TOLERANCE` in both.

    Raises
    ------
    ExportMismatch
        A row's predictions differ by more than `TOLERANCE`.
    """
    artifact = open_model(folder, threads)
    spread = float(np.std(held_out.y)) if artifact.task.kind == "regression" else None
    places = np.unique(np.linspace(0, len(held_out.y) - 1, min(HELD_OUT, len(held_out.y))).astype(int))
    usual = held_out.X.iloc[places]
    apart = 0.0
    for change, rows in {"": usual, **_strange(usual.iloc[:STRANGE], artifact.features)}.items():
        exported_rows, trained_rows = artifact.predict(rows), fitted.predict(rows)
        found = difference(exported_rows, trained_rows, spread)
        if found:
            row, exported, trained = found
            raise ExportMismatch(
                f"The exported model differs from the trained one: held-out row {places[row] + 1}{change} gives "
                f"{exported:.6g} instead of {trained:.6g}, which is {abs(exported - trained):.2g} apart.",
                f"{TOLERANCE:g} is allowed, so nothing was written. Choose other params, and report this as a bug.",
            )
        shares = np.abs(exported_rows - trained_rows) / _allowed(trained_rows, spread)
        apart = max(apart, TOLERANCE * float(shares.max()))
    return artifact, apart


def difference(
    exported: np.ndarray, trained: np.ndarray, spread: float | None = None
) -> tuple[int, float, float] | None:
    """Return the row that differs most and its two predictions, or None where none differs by more than allowed.

    Parameters
    ----------
    exported, trained
        Predictions of shape (rows, classes) or (rows,).
    spread
        Standard deviation of a regression's target, in whose units the tolerance is; None for probabilities.
    """
    excess = np.abs(exported - trained) - _allowed(trained, spread)
    # Not a number compares as neither more nor less.
    excess = np.where(np.isnan(excess), np.inf, excess)
    if excess.max(initial=-np.inf) <= 0:
        return None
    worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
    return int(worst[0]), float(exported[worst]), float(trained[worst])


def _allowed(trained: np.ndarray, spread: float | None) -> np.ndarray | float:
    return TOLERANCE if spread is None else TOLERANCE * spread + ROUNDING * np.abs(trained)


def _strange(rows: pd.DataFrame, features: tuple[Feature, ...]) -> dict[str, pd.DataFrame]:
    """Return the rows with unseen categories, and one with every feature missing."""
    unseen, empty = rows.copy(), rows.iloc[:1].copy()
    for feature in features:
        if feature.type == "categorical":
            unseen[feature.name] = np.full(len(rows), UNSEEN, object)
            empty[feature.name] = np.full(len(empty), "", object)
        else:
            empty[feature.name] = np.full(len(empty), np.nan, np.float32)
    return {" with unseen categories": unseen, " with nothing filled in": empty}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
