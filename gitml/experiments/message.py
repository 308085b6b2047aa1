"""The commit of a run: one line that says what was tried, and trailers that git itself can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions import commits, trailers
from gitml.conventions.trailers import Trailer
from gitml.experiments.words import MAIN
from gitml.pipeline.overrides import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitml.config import Config
    from gitml.pipeline.layout import Inputs

LONGEST = 72
"""Letters of a subject."""

MOST_METRICS = 8


class Change(NamedTuple):
    """A parameter or metric that is not what it was; None where it was not there."""

    name: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """Return ``train.mlp.lr 0.001 -> 0.0003``."""
        if self.old is None:
            return f"{self.name} {shown(self.new)}"
        return f"{self.name} {shown(self.old)} -> {shown(self.new)}"


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return what differs between two flat mappings, in the order of the new one."""
    return [
        Change(name, old.get(name), value)
        for name, value in new.items()
        if repr(old.get(name)) != repr(value) or (name not in old and value is None)
    ]


def write(
    run_id: str,
    inputs: Inputs,
    params: Sequence[Change],
    metrics: Sequence[Change],
    hypothesis: str,
    config: Config,
    subject: str = "",
    against_main: str = "",
) -> str:
    """Return the message of a run.

    Parameters
    ----------
    run_id
        Unique: two people who run the same get two commits.
    inputs
        What its results come from.
    params
        The parameters that are not the parent's.
    metrics
        The metrics of the run beside the parent's.
    hypothesis
        What a person said about it; may be empty.
    config
        The project's configuration.
    subject
        What stands behind the prefix; empty for what was changed, else the hypothesis' first line.
    against_main
        How the run compares with main, as `gitml.experiments.words.words` gives it; empty where it does not.
    """
    names = [prefix.name for prefix in config.prefixes]
    prefix = "experiment" if "experiment" in names else commits.likely_prefix("", config.prefixes)
    first, _, rest = hypothesis.strip().partition("\n")
    what = subject or joined(params, LONGEST - len(prefix) - 2) or first or "run"
    body = [] if what == first else [first]
    body += [rest.strip()]
    text = "\n\n".join([f"{prefix}: {printable(what)}", *(part for part in body if part)])
    lines = [Trailer("Params", str(change)) for change in params]
    lines += [Trailer("Metrics", _metric(change)) for change in metrics[:MOST_METRICS]]
    lines += [Trailer(MAIN, against_main)] if against_main else []
    lines += [Trailer("Run-Id", run_id), Trailer("Inputs", str(inputs))]
    return trailers.append(text, [Trailer(one.key, printable(one.value)) for one in lines])


def _metric(change: Change) -> str:
    """Return ``roc_auc 0.7133 -> 0.7151 (+0.0018)``."""
    old, new = change.old, change.new
    are_numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (old, new))
    return f"{change} ({new - old:+.4g})" if are_numbers else str(change)


def joined(params: Sequence[Change], room: int) -> str:
    """Return the changes on one line, as many as there is room for."""
    texts = [str(change) for change in params]
    for count in range(len(texts), 0, -1):
        left = len(texts) - count
        line = ", ".join(texts[:count]) + (f" and {left} more" if left else "")
        if len(line) <= room or count == 1:
            return line if len(line) <= room else f"{line[: room - 1]}…"
    return ""


def printable(text: str) -> str:
    """Return text on one line, with a space for whatever is not printed."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
