"""``gitml exp finish``."""

from __future__ import annotations

import json
import re
import sys

import click

from gitml.cli.terminal import printable
from gitml.conventions.branches import MAIN
from gitml.conventions.shell import command as shell_command
from gitml.errors import WrongUsage
from gitml.experiments.ending import Finished, Wish
from gitml.experiments.finish import Session
from gitml.experiments.verdict import Verdict
from gitml.git.command import ask, without_secrets
from gitml.git.lock import Holder
from gitml.git.plan import describe

_EXAMPLE = """\b
Example:
  gitml exp finish --accept
  gitml exp finish lower-lr --reject --delete
  gitml exp finish lower-lr --accept --pull-request"""

MOST_NAMED = 3


@click.command("finish", epilog=_EXAMPLE)
@click.argument("name", required=False)
@click.option("--accept", "verdict", flag_value="accepted", help="Merge it into main.")
@click.option("--reject", "verdict", flag_value="rejected", help="Leave main as it is; the tag keeps report and runs.")
@click.option("--pull-request", is_flag=True, help="With --accept: push branch and tag, and leave main to a review.")
@click.option("--remote", metavar="NAME", default="origin", show_default=True, help="Where --pull-request pushes.")
@click.option("--delete", is_flag=True, help="Delete the branch; the tag keeps report and runs.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(
    name: str | None,
    verdict: str | None,
    pull_request: bool,
    remote: str,
    delete: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """End an experiment: accept it into main, or reject it.

    The tag exp/NAME keeps all runs and the report, in which status and verdict are set; the next end of the
    same experiment is exp/NAME@2. Accepted, it is merged into main in this clone, if its report is complete,
    and its results are those of its code, data and params, merged too. The report is taken as it is in the
    working tree; other changed files are not. NAME is the experiment that is checked out, if left out.
    """
    if pull_request and verdict == "rejected":
        raise WrongUsage(
            "--pull-request goes with --accept",
            "A rejected experiment changes nothing on main.",
            ("gitml exp finish --reject",),
        )
    if verdict is None:
        verdict, delete = _asked(name, delete)
    wish = Wish(name, _verdict(verdict), pull_request, delete, remote)
    session = Session(wish, note=_note, is_dry_run=dry_run)
    lines = describe(session.plan())
    if dry_run:
        print(json.dumps(lines, indent=2) if as_json else "\n".join(printable(f"would {line}") for line in lines))
        return
    for line in lines if session.is_new else ():
        _note(line)
    finished = session.carry_out(_wait)
    print(_as_json(finished) if as_json else _as_text(finished, wish))


def _verdict(text: str) -> Verdict:
    return "accepted" if text == "accepted" else "rejected"


def _asked(name: str | None, is_deleted: bool) -> tuple[str, bool]:
    """Ask on a terminal what becomes of it.

    Raises
    ------
    WrongUsage
        There is nobody to ask.
    """
    words = ["gitml", "exp", "finish", *([name] if name else [])]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise WrongUsage(
            "--accept or --reject is needed",
            "There is no terminal here to ask on.",
            (shell_command([*words, "--accept"]), shell_command([*words, "--reject"])),
        )
    print("accept  pin its runs under a tag, and merge it into main", file=sys.stderr)
    print("reject  pin its runs under a tag; main stays as it is", file=sys.stderr)
    answer = click.prompt("accept or reject", type=click.Choice(["accept", "reject"]), show_choices=False, err=True)
    if answer == "accept":
        return "accepted", is_deleted
    return "rejected", is_deleted


def _as_text(finished: Finished, wish: Wish) -> str:
    branch = f"experiments/{finished.slug}"
    if not finished.is_new:
        lines = [f"{branch} is {finished.verdict} already, and kept by {finished.tag}"]
    else:
        lines = [f"✓ {branch} is {finished.verdict}; its runs and report are kept by {finished.tag}"]
    if finished.merge is not None and finished.is_new:
        lines.append(f"{finished.main:7} {finished.merge[:7]}")
    if finished.is_pushed:
        lines.append(f"pushed  {branch} and {finished.tag} to {wish.remote}")
    if finished.is_deleted:
        lines.append(f"deleted {branch}")
    if finished.uncommitted:
        lines.append(f"changed here, and not in it: {_named(finished.uncommitted)}")
    if finished.left:
        lines.append(f"changed in main's folder meanwhile, and left: {_named(finished.left)}")
    if finished.main_place is not None and finished.is_new:
        lines.append(f"files   main's followed in {finished.main_place}; data and models by dvc checkout there")
    lines.append(f"next    {_next(finished, wish)}")
    return "\n".join(printable(line) for line in lines)


def _next(finished: Finished, wish: Wish) -> str:
    if wish.is_pull_request:
        url = without_secrets(ask("remote", "get-url", "--", operands=[wish.remote]).out.strip())
        return request(url or wish.remote, f"experiments/{finished.slug}", finished.main)
    remotes = ask("remote").out.split()
    if remotes:
        remote = wish.remote if wish.remote in remotes else remotes[0]
        main = [finished.main] if finished.merge is not None else []
        if finished.is_deleted:
            return shell_command(["git", "push", "--atomic", remote, *main, finished.tag])
        push = shell_command(["gitml", "exp", "push", finished.slug])
        return f"{push} && {shell_command(['git', 'push', remote, *main])}" if main else push
    if finished.merge is None:
        return shell_command(["git", "show", finished.tag])
    return shell_command(["git", "log", "-1", finished.main])


def request(url: str, branch: str, main: str = MAIN) -> str:
    """Return what asks for the merge, as far as a remote's address says which forge it is.

    >>> request("git@github.com:team/project.git", "experiments/lr")
    'gh pr create --base main --head experiments/lr --fill'
    >>> request("https://gitlab.example.com/team/project", "experiments/lr")
    'glab mr create --target-branch main --source-branch experiments/lr --fill'
    >>> request("/srv/github/project.git", "experiments/lr")
    'open a pull request of experiments/lr to main at /srv/github/project.git'
    """
    host = (re.findall(r"^(?:\w+://)?(?:[^/@]*@)?([^/:]+)", url) or [""])[0]
    if "github" in host:
        return shell_command(["gh", "pr", "create", "--base", main, "--head", branch, "--fill"])
    if "gitlab" in host:
        return shell_command(["glab", "mr", "create", "--target-branch", main, "--source-branch", branch, "--fill"])
    return f"open a pull request of {branch} to {main} at {url}"


def _as_json(finished: Finished) -> str:
    told = {
        "experiment": finished.slug,
        "verdict": finished.verdict,
        "tag": finished.tag,
        "commit": finished.commit,
        "merge": finished.merge,
        "is_new": finished.is_new,
        "is_deleted": finished.is_deleted,
        "is_pushed": finished.is_pushed,
        "uncommitted": list(finished.uncommitted),
        "left": list(finished.left),
    }
    return json.dumps(told, indent=2)


def _named(paths: tuple[str, ...]) -> str:
    more = len(paths) - MOST_NAMED
    return ", ".join(paths[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _note(line: str) -> None:
    print(printable(line), file=sys.stderr)


def _wait(holder: Holder | None) -> None:
    _note(f"waiting for {holder or 'another command'}")
