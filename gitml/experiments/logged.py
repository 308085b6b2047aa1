"""The files of a run that a script or notebook logged by itself: a frozen DVC stage with its metrics and params.

They are all in `FOLDER`, which each logged run writes anew, as a stage writes its outs anew; git has the older ones.
"""

from __future__ import annotations

import json
import math
import posixpath
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.errors import WrongUsage
from gitml.pipeline.definition import LOGGED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = "results/logged"
"""From the project's folder."""

_NAME = re.compile(r"[\w][\w .%@+=()\[\],-]*(?:/[\w][\w .%@+=()\[\],-]*)*")
_HEAD = (
    "# Written by gitml for a run that was logged by a script or notebook: a record, which `dvc repro` leaves alone.\n"
)


class WrongValue(WrongUsage):
    """Something cannot be logged."""


class Series:
    """The metrics of one run, step by step, as they come."""

    def __init__(self) -> None:
        self.last: dict[str, float] = {}
        self.steps: dict[str, list[tuple[int, float]]] = {}
        self.step = 0

    def add(self, metrics: Mapping[str, Any], step: int | None) -> None:
        """Take figures; without a step they are the run's own, and make no curve.

        Raises
        ------
        WrongValue
            A name cannot be a file's, or a value is no number.
        """
        figures = {checked_name(name): _number(name, value) for name, value in metrics.items()}
        self.last |= figures
        if step is None:
            return
        self.step = max(self.step, int(step))
        for name, value in figures.items():
            self.steps.setdefault(name, []).append((int(step), value))


class Out(NamedTuple):
    """A model that was logged: its path from the project's folder, and its name."""

    path: str
    name: str


def checked_name(name: object) -> str:
    """Return the name of a metric; ``/`` makes groups, as in ``val/loss``.

    Raises
    ------
    WrongValue
        It cannot be a file's name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > 120:
        raise WrongValue(
            f"{name!r} cannot be the name of a metric",
            "A name is letters, digits and a few signs; / makes groups.",
            ('run.log_metrics({"val/roc_auc": 0.71}, step=1)',),
        )
    return name


def flat(values: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """Return parameters by dotted names, with values that YAML, JSON and DVC all have.

    Raises
    ------
    WrongValue
        A value is none of numbers, strings, booleans, None, and lists of them.
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        whole = f"{name}.{key}" if name else str(key)
        found |= flat(value, whole) if isinstance(value, dict) and value else {whole: _plain(whole, value)}
    return found


def files(
    cmd: str, params: Mapping[str, Any], series: Series, models: Sequence[Out], parameter_files: Sequence[str]
) -> dict[str, bytes]:
    """Return what is written into `FOLDER`, by path in it.

    Parameters
    ----------
    cmd
        How the run is made again, from the project's folder.
    params
        Those that no parameter file of the project has.
    series
        The metrics.
    models
        What DVC keeps.
    parameter_files
        The project's own parameter files that were set, from its folder.
    """
    made = {"metrics.json": _json(_nested(series.last)), "params.json": _json(dict(params))}
    for name, points in series.steps.items():
        last = name.rpartition("/")[2]
        lines = [f"step\t{last}", *(f"{step}\t{value!r}" for step, value in points)]
        made[f"plots/{name}.tsv"] = ("\n".join(lines) + "\n").encode()
    up = posixpath.relpath(".", FOLDER)
    stage: dict[str, Any] = {"frozen": True, "cmd": f"cd {up} && {cmd}"}
    stage["params"] = [{path: None} for path in ("params.json", *(f"{up}/{file}" for file in parameter_files))]
    if models:
        stage["outs"] = [f"{up}/{one.path}" for one in models]
    stage["metrics"] = [{"metrics.json": {"cache": False}}]
    if series.steps:
        stage["plots"] = [{"plots": {"cache": False}}]
    content: dict[str, Any] = {"stages": {LOGGED: stage}}
    if models:
        content["artifacts"] = {one.name: {"path": f"{up}/{one.path}", "type": "model"} for one in models}
    # JSON is YAML's flow style; DVC reads it as it is
    made["dvc.yaml"] = _HEAD.encode() + _yaml(content)
    return made


def _yaml(content: Any) -> bytes:
    import yaml

    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)
    return text.encode()


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _nested(figures: Mapping[str, float]) -> dict[str, Any]:
    """Return figures with groups as objects, as DVCLive writes them; what is not finite is left out."""
    found: dict[str, Any] = {}
    for name, value in figures.items():
        if not math.isfinite(value):
            continue
        *groups, last = name.split("/")
        place = found
        for group in groups:
            inner = place.setdefault(group, {})
            if not isinstance(inner, dict):
                raise WrongValue(f"{name!r} is in a group that is a metric itself", "Give one of them another name.")
            place = inner
        if isinstance(place.get(last), dict):
            raise WrongValue(f"{name!r} is a group of metrics as well", "Give one of them another name.")
        place[last] = value
    return found


def _number(name: str, value: Any) -> float:
    """Return a figure as Python's own; numpy's and torch's scalars become it."""
    plain = _item(value)
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise WrongValue(f"the metric {name!r} is no number: {value!r}"[:200])
    return plain


def _plain(name: str, value: Any) -> Any:
    plain = _item(value)
    if isinstance(plain, list | tuple):
        return [_plain(name, one) for one in plain]
    if isinstance(plain, float) and not math.isfinite(plain):
        raise WrongValue(f"the parameter {name!r} is not finite", "JSON has no such number.")
    if plain is None or isinstance(plain, bool | int | float | str) or plain == {}:
        return plain
    raise WrongValue(
        f"the parameter {name!r} is a {type(value).__name__}", "Parameters are numbers, strings, booleans and lists."
    )


def _item(value: Any) -> Any:
    """Return the Python value of an array's single element, as numpy and torch give it by ``item()``."""
    if isinstance(value, bool | int | float | str | list | tuple | dict) or value is None:
        return value
    item = getattr(value, "item", None)
    try:
        return item() if callable(item) else value
    except (TypeError, ValueError, RuntimeError):
        return value
