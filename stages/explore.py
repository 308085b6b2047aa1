"""The exploration page: what the table is, what is to be predicted, and what to watch out for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from stages.leaks import name_leaks
from stages.quality import WEIGHTS, Quality
from stages.target import task_in_words
from stages.task import BLOCK, ROW, Task

IMBALANCED = 0.7
"""Where the most frequent class has this share, accuracy says little."""

RARE = 0.2
"""A positive class of a smaller share is judged by average precision too."""

SHIFTED = 0.2
"""A column whose training and test rows are this far apart is named."""

MOST_RELATED = 10
MOST_CLASSES = 20
HISTOGRAM_BINS = 10
BAR = 30

EXPLAINED = {
    "completeness": "cells that have a value",
    "uniqueness": "rows that do not repeat another",
    "validity": "values that are finite, and no `?` or `n/a`",
    "balance": "how equally frequent the classes are",
    "stability": "how alike training and test rows are",
}


@dataclass(frozen=True)
class Exploration:
    """All that the page is written from.

    Attributes
    ----------
    source
        Where the table came from.
    table
        The table that was split, the target as class codes or numbers.
    splits
        The rows of ``train``, ``validation`` and ``test``, the target as class codes or numbers.
    task
        What is predicted.
    quality
        The table's quality.
    aucs
        How well each column predicts the target alone, 0.5 to 1.
    leak_bound
        From here on a column is a possible leak.
    split_method
        How the rows were split: ``time``, ``group`` or ``random``.
    notes
        What was done to the table on the way, a clause each.
    """

    source: str
    table: pd.DataFrame
    splits: Mapping[str, pd.DataFrame]
    task: Task
    quality: Quality
    aucs: Mapping[str, float]
    leak_bound: float
    split_method: str
    notes: tuple[str, ...] = ()


def exploration_page(found: Exploration) -> str:
    """Return the page as GitHub-flavoured markdown, the same text for the same table."""
    table = found.table.drop(columns=[name for name in (ROW, BLOCK) if name in found.table.columns])
    sections = [
        ("# What the data looks like", _overview(found, table)),
        ("## The problem", _problem(found)),
        ("## Metrics", _metrics(found)),
        ("## Splits", _splits(found)),
        ("## Quality", _quality(found.quality)),
        ("## Possible leaks", _leaks(found)),
        ("## Most related columns", _related(found)),
        ("## Columns", _columns(table, found)),
    ]
    return "\n\n".join(f"{title}\n\n{text}" for title, text in sections) + "\n"


def suggested_metrics(task: Task, y: np.ndarray) -> tuple[list[str], list[str]]:
    """Say which metrics fit the task, and which mislead; a markdown sentence each.

    Parameters
    ----------
    task
        What is predicted.
    y
        The training rows' class codes or numbers, shape (rows,).
    """
    if task.kind == "regression":
        return _regression_metrics(y)
    shares = np.bincount(y.astype(np.int64), minlength=len(task.classes)) / max(len(y), 1)
    largest = int(shares.argmax())
    good, bad = [], []
    if task.kind == "binary":
        good.append("**ROC AUC**: how well the rows are ranked, whatever the threshold. It does not mind imbalance.")
        if shares[1] < RARE:
            good.append(
                f"**Average precision**: with {shares[1]:.1%} positives it shows what ROC AUC hides; "
                f"chance is {shares[1]:.3f}."
            )
        good.append("**Log loss** and **Brier score**: whether a probability can be taken at its word.")
        good.append("**F1**, at the threshold chosen on the validation rows: when a decision is needed for each row.")
    else:
        good.append("**Macro F1**: every class counts the same, however rare.")
        good.append("**Log loss**: whether the probabilities can be taken at their word.")
        good.append("**Macro ROC AUC**, one class against the rest: how well the rows are ranked.")
    always = f"saying {_code(task.classes[largest])} for every row scores {shares[largest]:.1%}"
    if shares[largest] >= IMBALANCED:
        bad.append(f"**Accuracy**: {always} and has learned nothing.")
    else:
        good.append(f"**Accuracy**: fair here, for no class dominates; {always}.")
    return good, bad


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Return a markdown table; columns at the places in `right` are aligned to the right."""
    places = set(right)
    rule = ["---:" if place in places else "---" for place in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [list(head), rule, *map(list, rows)])


def _overview(found: Exploration, table: pd.DataFrame) -> str:
    missing = table.isna()
    inputs = [values for name, values in table.items() if name != found.task.target]
    kinds = pd.Series([_kind(values) for values in inputs]).value_counts().sort_index()
    gaps = int(missing.any().sum())
    lines = [
        f"`{found.source}`: **{len(table):,} rows, {table.shape[1]} columns**"
        f" ({', '.join(f'{count} {kind}' for kind, count in kinds.items())}, and the target).",
        f"{missing.to_numpy().mean():.1%} of all cells are missing, in {gaps} of the columns.",
        *(f"{note[0].upper()}{note[1:].removesuffix('.')}." for note in found.notes),
        "The same table to click through: `exploration.html` beside this page.",
    ]
    constant = [_code(name) for name, values in table.items() if values.nunique() <= 1]
    if constant:
        lines.insert(2, f"Always the same, and so of no use: {', '.join(constant)}.")
    return "\n\n".join(lines)


def _problem(found: Exploration) -> str:
    task, train = found.task, found.splits["train"][found.task.target].to_numpy()
    text = task_in_words(task, "stated") + " Its distribution in the training rows:\n\n"
    if task.kind == "regression":
        counts, edges = np.histogram(train, bins=HISTOGRAM_BINS)
        names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
        quartiles = np.quantile(train, [0.25, 0.5, 0.75])
        spread = (
            f"\n\nMean {train.mean():.4g}, standard deviation {train.std():.4g}, "
            f"quartiles {quartiles[0]:.4g}, {quartiles[1]:.4g} and {quartiles[2]:.4g}."
        )
    else:
        counts = np.bincount(train.astype(np.int64), minlength=len(task.classes))
        names, spread = [_code(label) for label in task.classes], ""
        if len(names) > MOST_CLASSES:
            order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
            spread = f"\n\nThe {MOST_CLASSES} most frequent of {len(names)} classes."
            names, counts = [names[place] for place in order], counts[order]
    longest = max(int(counts.max(initial=0)), 1)
    rows = [
        [name, f"{count:,}", f"{count / len(train):.1%}", "█" * max(round(BAR * count / longest), int(count > 0))]
        for name, count in zip(names, counts.tolist(), strict=True)
    ]
    return text + markdown_table([_code(task.target), "rows", "share", ""], rows, right=(1, 2)) + spread


def _metrics(found: Exploration) -> str:
    good, bad = suggested_metrics(found.task, found.splits["train"][found.task.target].to_numpy())
    text = "Suggested:\n\n" + "\n".join(f"- {line}" for line in good)
    return text + ("\n\nNot:\n\n" + "\n".join(f"- {line}" for line in bad) if bad else "")


def _regression_metrics(y: np.ndarray) -> tuple[list[str], list[str]]:
    good = [
        f"**MAE**: the usual error in the target's own unit; always saying the median ({np.median(y):.4g}) "
        f"scores {np.abs(y - np.median(y)).mean():.4g}.",
        f"**RMSE**: the same, but large errors weigh more; always saying the mean scores {y.std():.4g}.",
        "**R²**: the share of the variance that is explained; always saying the mean scores 0.",
    ]
    if (y == 0).any():
        return good, ["**Mean absolute percentage error**: the target has zeros, by which it would divide."]
    return good, []


def _splits(found: Exploration) -> str:
    task, total = found.task, sum(map(len, found.splits.values()))
    summary: tuple[str, Callable[[pd.Series], str]] = {
        "binary": (f"share of {_code(task.classes[-1] if task.classes else '')}", lambda y: f"{(y == 1).mean():.1%}"),
        "multiclass": ("classes seen", lambda y: f"{y.nunique()} of {len(task.classes)}"),
        "regression": (f"mean of {_code(task.target)}", lambda y: f"{y.mean():.4g}"),
    }[task.kind]
    head = ["split", "rows", "of all", summary[0]]
    head += ["from", "to"] if task.time_column else []
    head += ["groups"] if task.group_column else []
    rows = []
    for name, part in found.splits.items():
        row = [name, f"{len(part):,}", f"{len(part) / total:.1%}", summary[1](part[task.target])]
        if task.time_column:
            times = part[task.time_column]
            row += [f"{times.min():%Y-%m-%d %H:%M}", f"{times.max():%Y-%m-%d %H:%M}"]
        if task.group_column:
            row.append(f"{part[task.group_column].nunique():,}")
        rows.append(row)
    meaning = {
        "time": f"By time (`{task.time_column}`): learned from the past, judged on what came after, as in use.",
        "group": f"By group (`{task.group_column}`): no group is in two splits.",
        "random": "By chance: right only if rows have nothing to do with each other. Rows of one person or one day "
        "do; give `data.group_column` or `data.time_column` then.",
    }[found.split_method]
    return f"{meaning}\n\n{markdown_table(head, rows, right=(1, 2, 3))}"


def _quality(quality: Quality) -> str:
    parts = quality.parts()
    whole = sum(WEIGHTS[name] for name in parts)
    rows = [[name, f"{part:.3f}", f"{WEIGHTS[name] / whole:.0%}", EXPLAINED[name]] for name, part in parts.items()]
    rows.append(["**score**", f"**{quality.score:.3f}**", "", "their weighted mean"])
    shifted = [item for item in _descending(quality.drift) if item[1] >= SHIFTED]
    text = markdown_table(["part", "0 to 1", "weight", "what it is"], rows, right=(1, 2))
    if shifted:
        names = ", ".join(f"{_code(name)} ({distance:.2f})" for name, distance in shifted[:MOST_RELATED])
        text += f"\n\nFurthest apart between training and test rows (Jensen-Shannon distance): {names}."
    return text + "\n\nFormulas and weights: `docs/data-quality.md`."


def _leaks(found: Exploration) -> str:
    leaks = name_leaks(found.aucs, found.leak_bound)
    if not leaks:
        return f"No column alone reaches {found.leak_bound:g}; the strongest are below."
    named = "\n".join(f"- {_code(name)}: {auc:.3f}" for name, auc in leaks.items())
    return (
        f"Alone these reach {found.leak_bound:g} or more:\n\n{named}\n\nAsk of each whether its value is known when "
        "the prediction is made. If not, it has seen the answer: add it to `data.drop`."
    )


def _related(found: Exploration) -> str:
    what = {
        "binary": "ROC AUC of the column alone",
        "multiclass": "largest ROC AUC of the column alone, one class against the rest",
        "regression": "half of one plus the absolute Spearman correlation",
    }[found.task.kind]
    strongest = _descending(found.aucs)[:MOST_RELATED]
    rows = [[_code(name), f"{auc:.3f}", "█" * round(2 * BAR * (auc - 0.5))] for name, auc in strongest]
    text = f"By {what}, on training rows: 0.5 says nothing, 1 says all.\n\n"
    return text + markdown_table(["column", "alone", ""], rows, right=(1,))


def _columns(table: pd.DataFrame, found: Exploration) -> str:
    rows = [
        [
            _code(name),
            "target" if name == found.task.target else _kind(values),
            f"{values.isna().mean():.1%}",
            f"{values.nunique():,}",
            _typical(_labelled(values, found.task) if name == found.task.target else values),
        ]
        for name, values in table.items()
    ]
    return markdown_table(["column", "type", "missing", "different", "range or most frequent"], rows, right=(2, 3))


def _labelled(codes: pd.Series, task: Task) -> pd.Series:
    return codes.map(dict(enumerate(task.classes))) if task.classes else codes


def _kind(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "datetime"
    return "number" if pd.api.types.is_numeric_dtype(values) else "text"


def _typical(values: pd.Series) -> str:
    """Return a number's or time's range with its median, or a text's most frequent values."""
    known = values.dropna()
    if known.empty:
        return ""
    kind = _kind(values)
    if kind == "datetime":
        return f"{known.min():%Y-%m-%d} to {known.max():%Y-%m-%d}"
    if kind == "number":
        return f"{known.min():.4g} to {known.max():.4g}, median {known.median():.4g}"
    counts = known.value_counts().rename_axis("value").reset_index(name="rows")
    top = counts.sort_values(["rows", "value"], ascending=[False, True]).head(3)
    pairs = zip(top["value"], top["rows"], strict=True)
    return ", ".join(f"{_code(value)} {count / len(values):.0%}" for value, count in pairs)


def _descending(figures: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(figures.items(), key=lambda item: (-item[1], item[0]))


def _code(text: object) -> str:
    """Return a name as code that no character in it can break out of."""
    plain = " ".join(str(text).replace("`", "'").split())
    return "`" + (plain if len(plain) <= 60 else plain[:59] + "…").replace("|", "\\|") + "`"
