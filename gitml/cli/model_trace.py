"""``gitml model trace``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import click

from gitml.cli.model_list import checked_remote
from gitml.cli.terminal import filled, printable
from gitml.conventions import branches, versions
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.conventions.shell import quoted
from gitml.errors import GitmlError
from gitml.git import repository
from gitml.git.objects import Objects
from gitml.models import registry, trace, whose
from gitml.models.registry import Registry, Release
from gitml.models.trace import Link
from gitml.models.whose import Found
from gitml.pipeline.storage import Storage

PRODUCTION = "production"
MOST_NAMED = 10
_DEPTHS = {"production": 0, "tag": 1, "provenance": 1, "commit": 1}
_INDENT = 19


class Traced(NamedTuple):
    """What was traced.

    Attributes
    ----------
    what
        What somebody asked for, in words.
    release
        The release that it led to; None where it led to none.
    links
        The chain.
    found
        Where a file was asked for, the releases that have it.
    """

    what: str
    release: Release | None
    links: list[Link]
    found: list[Found]


class NotProved(GitmlError):
    """A link of the chain does not hold."""

    def __init__(self, what: str, wrong: list[Link]) -> None:
        names = ", ".join(dict.fromkeys(f"{link.release} {link.name}".strip() for link in wrong))
        why = "\n".join(dict.fromkeys(link.why for link in wrong))
        super().__init__(
            f"where {what} comes from is not proved: {names}", why, ("git fetch --tags", "gitml model list")
        )
        self.wrong = wrong


class InNoRelease(GitmlError):
    """No release has a file."""

    def __init__(self, file: str, md5: str, count: int) -> None:
        super().__init__(
            f"no release has {file}",
            f"Its md5 is {md5}. {count} release{' was' if count == 1 else 's were'} looked through, by the sums "
            "of their models and their dvc.lock.",
            ("git fetch   # a release may be new", "gitml model list"),
        )


@click.command(
    "trace",
    epilog="\b\nExample:\n  gitml model trace v4\n  gitml model trace production\n"
    "  gitml model trace ~/Downloads/model.onnx",
)
@click.argument("what", metavar="RELEASE|FILE|production")
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help="The model that v4 and production are of.")
@click.option("--remote", metavar="NAME", help="As this remote was when it was fetched last.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(what: str, model: str, remote: str | None, as_json: bool) -> None:
    """Prove where a release, a file or production comes from.

    From production to the release, its experiment, its commit, and the data, params and metrics of it. Each line is
    held against git; where one does not hold, the exit status is 1. A file is found by its bytes, in every release.
    A file that is named like a release is written ./v4.
    """
    known = registry.read(checked_remote(remote))
    with Objects() as objects:
        traced = _trace(what, model, known, objects)
    print(_as_json(traced) if as_json else _as_text(traced))
    wrong = [link for link in traced.links if not link.holds]
    if wrong:
        raise NotProved(traced.what, wrong)


def _trace(what: str, model: str, known: Registry, objects: Objects) -> Traced:
    name = branches.parse(what)
    if what == PRODUCTION or (name is not None and name.kind == PRODUCTION):
        return _production(name.name if name is not None else model, known, objects)
    if versions.parse(what, model) is not None:
        release = registry.find(what, known, model)
        return Traced(str(release.version), release, _chain(release, known, objects), [])
    file = Path(what)
    if file.exists():
        return _file(file, known, objects)
    if whose.is_like_a_prediction(what):
        raise whose.NothingIsServed(what)
    raise registry.NoSuchModel(what, known.releases)


def _production(model: str, known: Registry, objects: Objects) -> Traced:
    link, release = trace.production(model, known)
    chain = _chain(release, known, objects) if release is not None else []
    return Traced(f"production of {model}", release, [link, *chain], [])


def _file(file: Path, known: Registry, objects: Objects) -> Traced:
    sums = whose.sums(file)
    found = whose.releases_with(sums, known, objects)
    if not found:
        raise InNoRelease(str(file), sums.md5, len(known.releases))
    newest = found[-1].release
    return Traced(str(file), newest, _chain(newest, known, objects), found)


def _chain(release: Release, known: Registry, objects: Objects) -> list[Link]:
    return trace.links(release, known, objects, Storage(repository.find().root))


def _as_json(traced: Traced) -> str:
    told: dict[str, Any] = {
        "what": traced.what,
        "release": str(traced.release.version) if traced.release is not None else None,
        "holds": all(link.holds for link in traced.links),
        "found": [{"release": str(one.release.version), "path": one.path, "by": one.by} for one in traced.found],
        "links": [link._asdict() for link in traced.links],
    }
    return json.dumps(told, indent=2)


def _as_text(traced: Traced) -> str:
    lines = [printable(line) for line in _found(traced)]
    release = ""
    for link in traced.links:
        if link.name != "production" and link.release != release:
            release = link.release
            lines.append(release)
        lines += _line(link, _DEPTHS.get(link.name, 2))
    if traced.release is not None:
        yanked = traced.release.yanked
        if yanked is not None:
            lines.append(f"note  {filled(f'{traced.release.version} is yanked: {yanked.subject}', ' ' * 6)[6:]}")
        if all(link.holds for link in traced.links):
            lines.append(f"next  gitml model show {quoted(str(traced.release.version))}")
    return "\n".join(lines)


def _line(link: Link, depth: int) -> list[str]:
    mark = "✓" if link.holds else "✗"
    head = f"{'  ' * depth}{mark} {link.name}"
    text = filled(link.says, " " * _INDENT)[_INDENT:]
    lines = [f"{head:{_INDENT - 2}}  {text}"]
    return lines if link.holds else [*lines, filled(link.why, " " * _INDENT)]


def _found(traced: Traced) -> list[str]:
    lines = [f"{traced.what} is in" for _ in traced.found[:1]]
    lines += [f"  {one.release.version}   {one.path} ({one.by})" for one in traced.found[-MOST_NAMED:]]
    if len(traced.found) > MOST_NAMED:
        lines.append(f"  and {len(traced.found) - MOST_NAMED} older ones")
    return lines
