"""The features stage: model inputs, row by row; what is learned is learned from the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages import errors, files, params
from stages.errors import InputError, did_you_mean
from stages.task import BLOCK, ROW, Feature, Task

OUTPUTS = frozenset({"probabilities", "prediction"})
"""Names that the outputs of an exported model have, and its inputs must not."""

FOLDS = ("train", "validation", "test")


@dataclass(frozen=True)
class FeaturesParams:
    """The ``features`` section of params.yaml.

    Attributes
    ----------
    date_parts
        Turn every date into the month, the weekday and the hour of it, and, beside a time column, into the
        days that it lies before that.
    drop
        Features, or columns with all features made from them, to leave out.
    """

    date_parts: bool = True
    drop: tuple[str, ...] = ()


def build_features(frame: pd.DataFrame, task: Task, date_parts: bool) -> tuple[pd.DataFrame, dict[str, str]]:
    """Make the model's inputs from the columns of a table, each row by itself.

    Parameters
    ----------
    frame
        Rows as the data stage writes them.
    task
        Names the columns that are no inputs: target, group, and the time column but for its parts.
    date_parts
        Whether dates are taken apart or left out.

    Returns
    -------
    features : DataFrame
        Numbers as float32 (missing is NaN), texts as they are with ``""`` where missing; same rows.
    sources : dict
        For each feature, the column that it came from.
    """
    columns: dict[str, pd.Series] = {}
    sources: dict[str, str] = {}
    for name in frame.columns:
        if name in {task.target, task.group_column, ROW, BLOCK}:
            continue
        values = frame[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            made = _date_features(name, frame, task) if date_parts else {}
        elif pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            made = {name: values.astype("float32")}
        else:
            made = {name: values.astype("str").fillna("")}
        for feature, series in made.items():
            if feature in OUTPUTS:
                raise InputError(
                    f"Column '{name}' has a name that the model's output has.", "Rename it, or add it to data.drop."
                )
            if feature in columns:
                date = name if name != feature else sources[feature]
                raise InputError(
                    f"Column '{feature}' has the name of a feature made from '{date}'.",
                    "Rename it, or add it to data.drop.",
                )
            columns[feature] = series
            sources[feature] = name
    return pd.DataFrame(columns, index=frame.index), sources


def learn_features(train: pd.DataFrame, sources: dict[str, str]) -> tuple[Feature, ...]:
    """Describe the features as the training rows have them; one that never varies there is left out.

    Parameters
    ----------
    train
        Features of the training rows, as `build_features` gives them.
    sources
        For each feature, the column that it came from.
    """
    learned = []
    for name in train.columns:
        values = train[name]
        if values.nunique(dropna=False) < 2:
            continue
        if values.dtype == "float32":
            seen = values.dropna()
            low, high = (float(seen.min()), float(seen.max())) if len(seen) else (None, None)
            missing = float(values.isna().mean())
            learned.append(Feature(name, "numeric", sources[name], (), low, high, missing))
        else:
            missing = float((values == "").mean())
            learned.append(
                Feature(name, "categorical", sources[name], tuple(sorted(values.unique())), None, None, missing)
            )
    return tuple(learned)


def without(dropped: tuple[str, ...], sources: dict[str, str]) -> dict[str, str]:
    """Return the features that stay when `dropped`, features or columns, are left out."""
    known = set(sources) | set(sources.values())
    for name in dropped:
        if name not in known:
            raise InputError(
                f"params.yaml: features.drop names '{name}', which is neither a feature nor a column."
                f"{did_you_mean(name, known)}",
                f"The features are: {', '.join(sources)}.",
            )
    return {name: source for name, source in sources.items() if name not in dropped and source not in dropped}


def main() -> None:
    """Read data/processed, write data/features and the list of features."""
    chosen = params.section(params.load(), "features", FeaturesParams)
    try:
        task = Task.from_json(files.read_json("data/processed/task.json"))
    except FileNotFoundError:
        raise InputError("data/processed/task.json does not exist.", "Run `dvc repro features`.") from None
    tables = {fold: pd.read_parquet(f"data/processed/{fold}.parquet") for fold in FOLDS}
    built = {fold: build_features(table, task, chosen.date_parts) for fold, table in tables.items()}
    sources = without(chosen.drop, built["train"][1])
    features = learn_features(built["train"][0][list(sources)], sources)
    if not features:
        left = f"none of {', '.join(sources)} varies in the training rows" if sources else "there is no other column"
        raise InputError(
            f"Nothing is left to predict '{task.target}' from: {left}.",
            "Look at data.drop and features.drop in params.yaml.",
        )
    names = [feature.name for feature in features]
    listing = {"task": task.to_json(), "features": [files.rounded(feature.to_json()) for feature in features]}
    with files.replacing("data/features") as folder:
        Path(folder).mkdir()
        for fold, table in tables.items():
            rest = table[[task.target, ROW, BLOCK]]
            pd.concat([built[fold][0][names], rest], axis=1).to_parquet(folder / f"{fold}.parquet", index=False)
        files.write_json(folder / "features.json", listing)
    files.write_json("results/features/features.json", listing)
    numeric = sum(feature.type == "numeric" for feature in features)
    print(f"{len(features)} features: {numeric} numeric, {len(features) - numeric} categorical")


def _date_features(name: str, frame: pd.DataFrame, task: Task) -> dict[str, pd.Series]:
    times = frame[name]
    made = {
        f"{name}_month": times.dt.month.astype("float32"),
        f"{name}_weekday": times.dt.day_of_week.astype("float32"),
        f"{name}_hour": (times.dt.hour + times.dt.minute / 60).astype("float32"),
    }
    if name != task.time_column:
        made[f"{name}_year"] = times.dt.year.astype("float32")
        if task.time_column:
            before = frame[task.time_column] - times
            made[f"{name}_days_before"] = (before.dt.total_seconds() / 86400).astype("float32")
    return made


if __name__ == "__main__":
    errors.run(main)
