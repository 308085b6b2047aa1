"""What is known of one commit of an experiment, and the row that is made of it."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from gitml.conventions import trailers

SHOWN_TRAILERS = ("Run-Id", "Params", "Metrics", "Main")

_IDENT = re.compile(rb"(.*?) ?<([^>]*)> (-?\d+) [-+]\d{4}$")
_OBJECT_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Commit(NamedTuple):
    """A commit's own words.

    Attributes
    ----------
    tree, parents
        Object ids.
    time
        When it was written, in seconds since 1970.
    trailers
        Those that gitml writes: the last value of each.
    """

    tree: str
    parents: tuple[str, ...]
    author: str
    email: str
    time: int
    subject: str
    trailers: dict[str, str]

    @property
    def is_run(self) -> bool:
        """Whether a run made it."""
        return "Run-Id" in self.trailers


class Record(NamedTuple):
    """What a commit says, as it is kept in the index: texts, so that a list needs no parsing.

    Attributes
    ----------
    commit
        Its object id.
    leading
        The first number of each metrics file, the last file of the pipeline first: a JSON list of pairs of
        file and name.
    ranked, figure
        A metric's name and its value, so that runs are sorted without parsing; empty and None where there is none.
    test_data
        What says on which data the figures were measured; empty where nothing does.
    head, body
        Members of a JSON object, without its braces: a few words about the commit; its params and metrics.
    """

    commit: str
    leading: str
    ranked: str
    figure: float | None
    test_data: str
    head: str
    body: str


class Line(NamedTuple):
    """How a commit came from main.

    Attributes
    ----------
    fork
        The first commit of main's own line that it stands on; empty where there is none, or where a shallow
        clone does not reach it.
    runs
        How many commits since then were made by runs.
    changed
        Params that differ from the fork's: a JSON object of pairs of old and new value by name. None for a
        value that is not there.
    """

    fork: str = ""
    runs: int = 0
    changed: str = "{}"


class Run(NamedTuple):
    """One row of the list of experiments.

    Attributes
    ----------
    name, kind, ref, remote, is_checked_out, is_pushed
        As in `gitml.experiments.refs.Ref`.
    commit
        Object id of the tip.
    fork, runs, changed
        As in `Line`.
    time
        In seconds since 1970.
    hypothesis
        Of the report; empty where it has none.
    report
        ``path``, ``title``, ``status``, ``verdict``, as far as there are such.
    test_data
        What says on which data the figures were measured; empty where nothing does.
    params, metrics
        Values by dotted names.
    unreadable
        Why a file cannot be read, by path.
    """

    name: str
    kind: str
    ref: str
    remote: str
    is_checked_out: bool
    is_pushed: bool | None
    commit: str
    fork: str
    runs: int
    changed: dict[str, list[Any]]
    author: str
    email: str
    time: int
    subject: str
    hypothesis: str
    trailers: dict[str, str]
    report: dict[str, str]
    test_data: str
    unreadable: dict[str, str]
    params: dict[str, Any]
    metrics: dict[str, Any]


def parse_commit(raw: bytes) -> Commit:
    """Return what the bytes of a commit object say; empty where they say nothing."""
    header, _, message = raw.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in header.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields.setdefault(key, []).append(value)
    encoding = fields.get(b"encoding", [b"utf-8"])[0].decode("ascii", "replace")
    found = _IDENT.match(fields.get(b"author", [b""])[0])
    name, email, time = found.groups() if found is not None else (b"", b"", b"0")
    text = _decoded(message, encoding)
    subject = text.lstrip("\n").partition("\n\n")[0].strip().replace("\n", " ")
    values = {one.key: one.value for one in trailers.parse(text)} if b":" in message else {}
    return Commit(
        next((oid.decode() for oid in fields.get(b"tree", ()) if _OBJECT_ID.fullmatch(oid)), ""),
        tuple(oid.decode() for oid in fields.get(b"parent", ()) if _OBJECT_ID.fullmatch(oid)),
        _decoded(name, encoding),
        _decoded(email, encoding),
        int(time),
        subject,
        {key: values[key] for key in SHOWN_TRAILERS if key in values},
    )


def members(**values: Any) -> str:
    """Return the members of a JSON object, without its braces; ASCII, with escapes."""
    return json.dumps(values, allow_nan=False)[1:-1]


def number(value: Any) -> float | None:
    """Return a metric as a number to compare; None for a text, a truth value, and what no float can be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def diff(old: dict[str, Any], new: dict[str, Any]) -> dict[str, list[Any]]:
    """Return what differs between two flat mappings: pairs of old and new value, None for one that is not there.

    >>> diff({"lr": 0.1, "width": 2}, {"lr": 0.3, "width": 2})
    {'lr': [0.1, 0.3]}
    """
    found = {
        name: [old.get(name), value] for name, value in new.items() if name not in old or not _is_same(old[name], value)
    }
    found.update((name, [value, None]) for name, value in old.items() if name not in new)
    return found


def _is_same(old: Any, new: Any) -> bool:
    return old is new or bool(old == new and isinstance(old, bool) == isinstance(new, bool))


def _decoded(text: bytes, encoding: str) -> str:
    try:
        return text.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return text.decode("utf-8", "replace")
