"""``gitml model verify``."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from gitml.cli.terminal import filled, printable
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.errors import GitmlError
from gitml.git import repository
from gitml.git.objects import Objects
from gitml.models import registry, reproduction, rescored, upstream
from gitml.models.agreement import Tolerance
from gitml.models.verification import verify
from gitml.pipeline.storage import Storage
from gitml.policy.pull_request import storage_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.models.agreement import Difference
    from gitml.models.reproduction import Reproduction
    from gitml.models.rescored import Claimed
    from gitml.models.trace import Link
    from gitml.models.upstream import Upstream

_EXAMPLE = """\b
Example:
  gitml model verify v4
  gitml model verify v4 --reproduce     # runs its pipeline from nothing"""

_ALLOWED = Tolerance()
_INDENT = " " * 14
MOST_NAMED = 20


class NotVerified(GitmlError):
    """Something of a release is not what it says."""


@click.command("verify", epilog=_EXAMPLE)
@click.argument("version", metavar="MODEL")
@click.option("--reproduce", "is_reproduced", is_flag=True, help="Run its pipeline from nothing; executes its code.")
@click.option(
    "--absolute", type=float, default=Tolerance().absolute, show_default=True, help="How far off a figure may be."
)
@click.option("--relative", type=float, default=Tolerance().relative, show_default=True, help="The same, as a share.")
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help="The model that a bare v4 is of.")
@click.option("--remote", metavar="NAME", default="", help="The git remote; origin, or the only one, if left out.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(
    version: str, is_reproduced: bool, absolute: float, relative: float, model: str, remote: str, as_json: bool
) -> None:
    """Hold a release against all that it says.

    Its tag, commit, lock, data and metrics against git; its files hashed again; its signature against the
    allowed_signers of main. With --reproduce its pipeline runs in a clean room, with an empty cache and no
    credentials, and every metric must come out again. Exits with 1 where something does not hold.
    """
    name = upstream.choose(remote, upstream.typed("gitml", "model", "verify", version, model=model))
    seen = upstream.look(name)
    release = registry.find(version, seen.registry, model)
    found, claim = None, rescored.claimed(release)
    others: list[Difference] = []
    with _storage(seen) as storage:
        links = verify(release, seen, storage)
        if not as_json:
            print("\n".join(map(_line, links)), flush=True)
        if is_reproduced and all(link.holds for link in links):
            found = reproduction.reproduce(
                release.commit,
                tolerance=Tolerance(absolute, relative),
                on_progress=_tell,
                model=release.version.model,
                storage=storage,
            )
            if claim is not None:
                _tell(f"measuring {claim.version} on its test data")
                others = rescored.again(claim, seen.registry, storage, Tolerance(absolute, relative))
    if as_json:
        print(_as_json(str(release.version), links, found, others))
    else:
        print("\n".join([*_claim(claim, found, others), _end(str(release.version), links, found, others)]).strip("\n"))
    wrong = [link for link in links if not link.holds]
    if wrong:
        raise NotVerified(
            f"{release.version} is not what it says: {', '.join(dict.fromkeys(link.name for link in wrong))}",
            "\n".join(dict.fromkeys(link.why for link in wrong)),
            (f'gitml model yank {release.version} --reason "…"', f"gitml model trace {release.version}"),
        )
    if found is not None and (not found.ok or others):
        figures = (*found.differences, *others)
        told = [f"{one.name} is {one.recorded} there, and came out {one.computed}" for one in figures]
        why = [*found.unverified, *told]
        raise NotVerified(
            f"{release.version} does not come out again",
            "\n".join(why[:MOST_NAMED]),
            (f'gitml model yank {release.version} --reason "…"', f"git show {release.version.branch}"),
        )


@contextmanager
def _storage(seen: Upstream) -> Iterator[Storage]:
    """Give this clone's own data; on a machine that has no files of it, main's DVC remote and a cache for now."""
    own = Storage(repository.find().root)
    if own.top is not None and (own.top / ".dvc" / "config").is_file():
        yield own
        return
    with TemporaryDirectory(prefix="gitml-") as folder, Objects() as objects:
        yield storage_of(seen.main_commit, objects, cache=Path(folder))


def _line(link: Link) -> str:
    mark = "✓" if link.holds else "✗"
    text = f"{mark} {link.name:12}{link.says}" + ("" if link.holds else f": {link.why}")
    return filled(text, _INDENT)[len(_INDENT) :]


def _claim(claim: Claimed | None, found: Reproduction | None, others: list[Difference]) -> list[str]:
    """Return the line about figures of production's model that no hash can prove."""
    if claim is None:
        return []
    says = f"{claim.version} was measured on its test data"
    if found is None:
        return [printable(f"· rescored    {says}: the releaser's word, until --reproduce measures it")]
    return [printable(f"{'✗' if others else '✓'} rescored    {says}, and now again")]


def _end(name: str, links: list[Link], found: Reproduction | None, others: list[Difference]) -> str:
    lines = _reproduced(found) if found is not None else []
    if all(link.holds for link in links) and (found is None or found.ok) and not others:
        then = f"promote {name}" if found is not None else f"verify {name} --reproduce"
        lines.append(f"next  gitml model {then}")
    return "\n".join(map(printable, lines))


def _reproduced(found: Reproduction) -> list[str]:
    lines = [f"{'✓' if found.ok else '✗'} reproduced  {len(found.recorded)} figures in {found.seconds:.0f} s"]
    if found.is_same_model is not None:
        told = "the same, too" if found.is_same_model else "others, as they may be on another machine"
        lines.append(f"{_INDENT}the model's bytes are {told}")
    lines += [f"{_INDENT}{name}: {there} there, {here} here" for name, there, here in found.environment[:MOST_NAMED]]
    return [*lines, *(f"{_INDENT}{note}" for note in found.notes)]


def _as_json(name: str, links: list[Link], found: Reproduction | None, others: list[Difference]) -> str:
    told: dict[str, Any] = {"model": name, "links": [link._asdict() for link in links], "reproduction": None}
    if found is not None:
        told["reproduction"] = {**found._asdict(), "ok": found.ok}
        told["reproduction"]["differences"] = [one._asdict() for one in found.differences]
    told["rescored"] = [one._asdict() for one in others]
    told["holds"] = all(link.holds for link in links) and (found is None or found.ok) and not others
    return json.dumps(told, indent=2, default=str)


def _tell(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)
