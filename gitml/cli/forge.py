"""``gitml forge``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from gitml.cli.terminal import filled, has_colours, painted, printable
from gitml.errors import BrokenEnvironment
from gitml.forges.base import Protection

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitml.forges.base import Finding, Forge

_ROLES = {"ok": "ok", "wrong": "broken", "unknown": "warning", "unavailable": "warning"}
_SAYS = {"ok": "ok", "wrong": "wrong", "unknown": "not told", "unavailable": "no such"}
_NOT_TOLD = 3
_WRONG = 1


def _asking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what both commands need to find the forge and to know what is wanted there."""
    for option in (
        click.option("--remote", default="origin", show_default=True, metavar="NAME", help="The remote to ask about."),
        click.option("--kind", type=click.Choice(["github", "gitlab", "gitea"]), help="Which forge; Forgejo is gitea."),
        click.option("--url", metavar="URL", default="", help="Address of a forge of your own."),
        click.option(
            "--approvals", type=click.IntRange(0, 10), default=1, show_default=True, help="How many must approve."
        ),
        click.option("--check", default="gitml", show_default=True, metavar="NAME", help="The check that must pass."),
        click.option("--json", "as_json", is_flag=True, help="Write a JSON list."),
    ):
        command = option(command)
    return command


@click.group("forge", epilog="\b\nExample:\n  gitml forge verify\n  gitml forge protect --dry-run")
def command() -> None:
    """Set and audit what promotion needs on GitHub, GitLab or Gitea.

    The forge is found from the remote's URL. One of your own is named by --kind and --url, or by
    GITML_FORGE and GITML_FORGE_URL. The token comes from GITML_FORGE_TOKEN, the forge's own variables,
    its command line, or git's credentials.
    """


@command.command("protect", epilog="\b\nExample:\n  gitml forge protect --dry-run\n  gitml forge protect --approvals 2")
@_asking
@click.option("--dry-run", is_flag=True, help="Say what would be set, and set nothing.")
def protect(remote: str, kind: str | None, url: str, approvals: int, check: str, as_json: bool, dry_run: bool) -> None:
    """Set what promotion by pull request needs; again, it changes nothing.

    main and production/* move by approved pull requests with the check passed and the branch up to date,
    never by force. models/* and model tags are made once. What is stricter already stays. What the forge
    has no setting for is said.
    """
    changes = _forge(remote, kind, url).protect(Protection(approvals, check), dry_run=dry_run)
    if as_json:
        print(json.dumps([change._asdict() for change in changes], indent=2))
        return
    is_new = [change for change in changes if not change.cannot]
    for change in changes:
        verb = "cannot set" if change.cannot else ("would set" if dry_run else "set")
        print(filled(f"{verb:10}  {change.where}  {change.what}", ""))
        print(filled(change.cannot or f"{change.was} → {change.becomes}", " " * 12))
    if not is_new:
        print("everything that can be set is set already")
    print(f"next  gitml forge {'protect' if dry_run and is_new else 'verify'}")


@command.command("verify", epilog="\b\nExample:\n  gitml forge verify --approvals 2\n  gitml forge verify --json")
@_asking
@click.pass_context
def verify(
    context: click.Context, remote: str, kind: str | None, url: str, approvals: int, check: str, as_json: bool
) -> None:
    """Compare what is set on the forge with what promotion needs; changes nothing.

    Exits with 1 if something is wrong, with 3 if the forge does not tell this account all that it must
    know: an administrator's token sees more. What the forge has no setting for is said, and does not fail.
    """
    findings = _forge(remote, kind, url).verify(Protection(approvals, check))
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        print(_as_text(findings))
    states = {finding.state for finding in findings}
    context.exit(_WRONG if "wrong" in states else _NOT_TOLD if "unknown" in states else 0)


def _forge(remote: str, kind: str | None, url: str) -> Forge:
    from gitml.forges import connect

    there = connect.url_of(remote)
    if not there:
        raise BrokenEnvironment(f"there is no remote {remote!r}", "", (f"git remote add {remote} URL",))
    found = connect.connect(there, kind=kind or "", url=url, environ=os.environ)
    if found is None:
        raise BrokenEnvironment(
            f"the remote {remote} leads to no forge that is known",
            "It is a path, or a host whose name does not tell which software it is. On a server of your own, "
            "gitml's pre-receive hook guards the branches.",
            ("gitml forge verify --kind gitlab", "gitml hooks install --server"),
        )
    return found


def _as_text(findings: list[Finding]) -> str:
    import sys

    is_coloured = has_colours(sys.stdout)
    lines = []
    for one in findings:
        state = painted(f"{_SAYS[one.state]:8}", _ROLES[one.state], is_coloured)
        wanted = f", should be {one.wanted}" if one.state in ("wrong", "unknown") else ""
        lines.append(f"{state}  {printable(one.where)}  {printable(one.what)}: {printable(one.found)}{wanted}")
        if one.state == "unavailable":
            lines.append(filled(one.mend, " " * 10))
    mends = list(dict.fromkeys(one.mend for one in findings if one.state == "wrong"))
    if not mends and any(one.state == "unknown" for one in findings):
        mends = ["gitml forge verify, with a token of somebody who administers the repository"]
    return "\n".join([*lines, f"next  {mends[0] if mends else 'gitml model promote'}"])
