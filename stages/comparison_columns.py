"""What differs between two tables: rows, columns, and the distribution of each column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.data import DataParams
from stages.drift import drift
from stages.inspection_columns import type_of
from stages.target import MOST_CLASSES, labels
from stages.task import ROW, Feature, Task

COMPARED = 200_000
"""Distributions are compared in so many rows of each table."""

NAMED = 10
"""So many levels that are new or gone are named."""

MOST_LEVELS = 5000
"""A text of more different values has no levels that anybody knows."""

BEYOND = 2.0
"""A distance of so many times what chance makes is told."""

LEAST = 0.05
"""A smaller distance is not told, however certain."""

GAPS = 0.01
"""A change of the share of missing values that is told."""

PLAIN = {"integer": "number"}
"""A column of whole numbers is one of numbers once one of them is missing."""


def differences(old: pd.DataFrame | None, new: pd.DataFrame, data: DataParams) -> dict[str, Any]:
    """Return rows, columns, changes, target and time, as `stages.comparison` says."""
    added = [] if old is None else [str(name) for name in new if name not in old.columns]
    removed = [] if old is None else [str(name) for name in old if name not in new.columns]
    common = [] if old is None else [str(name) for name in new if name in old.columns]
    types = {name: (type_of(old[name]), type_of(new[name])) for name in common} if old is not None else {}
    retyped = [
        {"name": name, "old": before, "new": after}
        for name, (before, after) in types.items()
        if PLAIN.get(before, before) != PLAIN.get(after, after) and "empty" not in (before, after)
    ]
    other = {item["name"] for item in retyped}
    alike = [name for name in common if name not in other]
    compared = [name for name in alike if name not in data.drop]
    whole = old is not None and not (added or removed or other)
    gained, lost = _rows(old, new, alike) if whole and old is not None else (None, None)
    return {
        "rows": {"old": None if old is None else len(old), "new": len(new), "added": gained, "removed": lost},
        "columns": {"added": added, "removed": removed, "retyped": retyped},
        "changes": [] if old is None else _changes(old, new, compared),
        "target": _target(old, new, data.target),
        "time": _time(old, new, data.time_column),
    }


def _rows(old: pd.DataFrame, new: pd.DataFrame, columns: list[str]) -> tuple[int, int]:
    """Count the whole rows that only one of the tables has, as often as it has them more often."""
    hashes, counts = [], []
    for frame, sign in ((new, 1), (old, -1)):
        plain = pd.DataFrame({name: _plain(frame[name]) for name in sorted(columns)})
        different, times = np.unique(pd.util.hash_pandas_object(plain, index=False).to_numpy(), return_counts=True)
        hashes.append(different)
        counts.append(sign * times)
    _, place = np.unique(np.concatenate(hashes), return_inverse=True)
    more = np.bincount(place, np.concatenate(counts)).astype(np.int64)
    return int(more[more > 0].sum()), int(-more[more < 0].sum())


def _plain(values: pd.Series) -> pd.Series:
    """Return the values so that those of the other table, read as another dtype, have the same hashes."""
    if pd.api.types.is_bool_dtype(values):
        return values.astype("str")
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.astype("datetime64[us]")
    return values.astype("float64") if pd.api.types.is_numeric_dtype(values) else values.astype("str")


def _changes(old: pd.DataFrame, new: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    if not columns:
        return []
    distances = _distances(old, new, columns)
    found = []
    for name in columns:
        distance, noise = distances[name]
        missing = {"old": float(old[name].isna().mean()), "new": float(new[name].isna().mean())}
        levels, limits = _levels(old[name], new[name]), _limits(old[name], new[name])
        widened = limits is not None and _is_wider(limits)
        fresh = levels is not None and (levels["new_count"] or levels["gone_count"])
        moved = distance > max(LEAST, BEYOND * noise)
        if moved or widened or fresh or abs(missing["new"] - missing["old"]) >= GAPS:
            kind = type_of(new[name])
            sizes = {"distance": distance, "noise": noise, "missing": missing}
            found.append({"name": name, "type": kind, **sizes, "range": limits, "levels": levels})
    return sorted(found, key=lambda item: (-item["distance"], item["name"]))


def _distances(old: pd.DataFrame, new: pd.DataFrame, columns: list[str]) -> dict[str, tuple[float, float]]:
    """Return each column's distance and the noise in it, by the measure of evaluate's drift."""
    sampled = [frame.sample(COMPARED, random_state=0) if len(frame) > COMPARED else frame for frame in (old, new)]
    features = []
    made: list[dict[str, pd.Series]] = [{}, {}]
    for name in columns:
        texts = type_of(old[name]) == "text" or type_of(new[name]) == "text"
        features.append(Feature(name, "categorical" if texts else "numeric", name))
        for place, frame in enumerate(sampled):
            made[place][name] = frame[name].astype("str").fillna("") if texts else _number(frame[name])
    # without a target of its own: that is one of the columns
    sides = [(pd.DataFrame(part), np.zeros(len(frame))) for part, frame in zip(made, sampled, strict=True)]
    table = drift(Task("regression", ROW), features, sides[0], sides[1])
    return {row.column: (float(row.distance), float(row.noise)) for row in table.itertuples() if row.column != ROW}


def _number(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.astype("datetime64[s]").astype("int64").astype("float64").where(values.notna())
    return values.astype("float64").replace([np.inf, -np.inf], np.nan)


def _levels(old: pd.Series, new: pd.Series) -> dict[str, Any] | None:
    """Return the texts that only one table has, the frequent first; None where they are no levels."""
    if type_of(old) != "text" or type_of(new) != "text":
        return None
    before, after = old.value_counts(), new.value_counts()
    most = max(2, len(old) // 2)
    if len(before) > min(MOST_LEVELS, most):
        return None
    fresh = [str(level) for level in after.index if level not in before.index]
    gone = [str(level) for level in before.index if level not in after.index]
    return {"new": fresh[:NAMED], "new_count": len(fresh), "gone": gone[:NAMED], "gone_count": len(gone)}


def _limits(old: pd.Series, new: pd.Series) -> dict[str, list[Any] | None] | None:
    if type_of(new) not in ("number", "integer", "datetime") or type_of(old) == "empty":
        return None
    return {"old": _ends(old), "new": _ends(new)}


def _ends(values: pd.Series) -> list[Any]:
    low, high = values.min(), values.max()
    if isinstance(low, pd.Timestamp):
        return [low.isoformat(), high.isoformat()]
    ends = [float(low), float(high)]
    return [end if np.isfinite(end) else str(end) for end in ends]


def _is_wider(limits: Mapping[str, Any]) -> bool:
    """Whether the new range goes beyond the old one by a fifth of it, or for dates at all."""
    (low, high), (new_low, new_high) = limits["old"], limits["new"]
    if isinstance(low, str) or isinstance(new_low, str) or isinstance(high, str) or isinstance(new_high, str):
        return bool(limits["old"] != limits["new"])
    room = (high - low) / 5
    return bool(new_low < low - room or new_high > high + room)


def _target(old: pd.DataFrame | None, new: pd.DataFrame, name: str) -> dict[str, Any] | None:
    if name not in new.columns:
        return None
    before = None if old is None or name not in old.columns else old[name]
    classes = any(
        type_of(values) in ("text", "boolean") or values.nunique() <= MOST_CLASSES
        for values in (new[name], before)
        if values is not None
    )
    return {
        "name": name,
        "old": None if before is None else _distribution(before, classes),
        "new": _distribution(new[name], classes),
    }


def _distribution(values: pd.Series, classes: bool) -> dict[str, float]:
    known = values.dropna()
    if classes:
        shares = labels(known).value_counts(normalize=True)
        return {str(label): float(share) for label, share in shares.head(MOST_CLASSES).items()}
    if known.empty or not pd.api.types.is_numeric_dtype(known):
        return {}
    figures = {"mean": known.mean(), "std": known.std(ddof=0), "min": known.min(), "max": known.max()}
    return {name: float(figure) for name, figure in figures.items() if np.isfinite(figure)}


def _time(old: pd.DataFrame | None, new: pd.DataFrame, column: str | None) -> dict[str, Any] | None:
    if column is None or column not in new.columns or type_of(new[column]) != "datetime":
        return None
    before = None
    if old is not None and column in old.columns and type_of(old[column]) == "datetime":
        before = _ends(old[column])
    return {"column": column, "old": before, "new": _ends(new[column])}
