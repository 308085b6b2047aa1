"""``gitml status``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from gitml.cli.terminal import printable
from gitml.experiments import shown, status

if TYPE_CHECKING:
    from gitml.experiments.at_work import Running
    from gitml.experiments.status import LastRun, Production, Status

MOST = 4
"""Stages that are named."""


@click.command("status", epilog="\b\nExample:\n  gitml status\n  gitml status --json")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(as_json: bool) -> None:
    """Show where you are, the last run, what runs now, and what is next.

    It reads git and a few small files only, so it is quick, and it is right while a run runs.
    """
    told = status.read()
    print(json.dumps(_told(told), indent=2) if as_json else as_text(told, time.time()))


def as_text(told: Status, now: float) -> str:
    """Return the lines for a terminal.

    Parameters
    ----------
    told
        What is known.
    now
        Seconds since 1970.
    """
    lines = [_head(told)]
    if told.last is not None:
        lines.append(f"  last run    {_last(told.last)}   {_ago(now - told.last.time)}")
    if told.missing is not None:
        verb = "is" if len(told.missing) == 1 else "are"
        owed = " and ".join(filter(None, (", ".join(told.missing[:-1]), *told.missing[-1:])))
        lines.append(f"  report      {f'{owed} {verb} empty' if owed else 'complete'}")
    elif told.slug:
        lines.append("  report      none yet")
    if told.stale:
        lines.append(f"  stale       {_stale(told.stale)}")
    if told.problem:
        lines.append(f"  problem     {told.problem}")
    lines += [f"running       {_running(one, now)}" for one in told.running]
    lines += [f"production    {_production(one)}" for one in told.production]
    lines.append(f"next          {told.next}")
    return "\n".join(printable(line) for line in lines)


def _head(told: Status) -> str:
    name = told.checked_out or "no branch"
    if told.slug:
        counts = f"{told.runs} run{'s' * (told.runs != 1)}"
        if told.not_pushed is not None:
            counts += ", all pushed" if not told.not_pushed and told.runs else ""
            counts += f", {told.not_pushed} not pushed" if told.not_pushed else ""
    else:
        counts = f"{told.experiments} experiment{'s' * (told.experiments != 1)}"
    return f"{name}   {counts}"


def _last(last: LastRun) -> str:
    if last.figure is None:
        return f"{last.commit[:7]}, without a metric"
    decimals = shown.figures([last.figure, last.before])
    text = f"{last.metric} {shown.metric(last.figure, decimals)}"
    if last.before is None:
        return text
    return f"{text}, parent {shown.delta(last.figure - last.before, decimals)} ({last.word})"


def _stale(stale: tuple[tuple[str, str], ...]) -> str:
    names = ", ".join(stage for stage, _ in stale[:MOST]) + (f" and {len(stale) - MOST} more" * (len(stale) > MOST))
    reasons = list(dict.fromkeys(one for _, why in stale for one in why.split(", ")))
    more = f" and {len(reasons) - 2} more" if len(reasons) > 2 else ""
    return f"{names} ({', '.join(reasons[:2])}{more})"


def _running(one: Running, now: float) -> str:
    state = one.state
    parts = [state.slug]
    if state.running:
        parts.append(state.running + (f" step {state.live.step}" if state.live is not None else ""))
    if state.live is not None and state.live.figures:
        name, figure = next(iter(state.live.figures.items()))
        parts.append(f"{name} {figure:.4f}")
    parts.append(f"{_length(state.left)} left" if state.left is not None else f"since {_length(now - state.began)}")
    return "   ".join([*parts, *([f"in {one.place}"] if one.place != "here" else [])])


def _production(one: Production) -> str:
    name = one.model.rpartition("-")
    model = f"{name[0]} {name[2]}" if one.figure is not None or name[2].startswith("v") else one.model
    figure = (
        f"   {one.metric} {shown.metric(one.figure, shown.figures([one.figure]))}" if one.figure is not None else ""
    )
    day = time.strftime("%d %b", time.localtime(one.since)).lstrip("0")
    return f"{model}{figure}   since {day}" + (f" ({one.request})" if one.request else "")


def _ago(seconds: float) -> str:
    return f"{_length(seconds)} ago" if seconds >= shown.MINUTE else "just now"


def _length(seconds: float) -> str:
    for unit, word in ((shown.DAY, "day"), (shown.HOUR, "hour"), (shown.MINUTE, "min")):
        if seconds >= unit:
            count = int(seconds // unit)
            return f"{count} {word}{'s' * (count != 1 and word != 'min')}"
    return f"{max(0, int(seconds))} s"


def _told(told: Status) -> dict[str, Any]:
    values = told._asdict()
    values["last"] = told.last._asdict() if told.last is not None else None
    values["stale"] = [{"stage": stage, "why": why} for stage, why in told.stale]
    values["production"] = [one._asdict() for one in told.production]
    values["running"] = [
        {
            "experiment": one.state.slug,
            "place": one.place,
            "stage": one.state.running,
            "step": one.state.live.step if one.state.live is not None else None,
            "figures": dict(one.state.live.figures) if one.state.live is not None else {},
            "seconds_left": one.state.left,
            "began": one.state.began,
        }
        for one in told.running
    ]
    return values
