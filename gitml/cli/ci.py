"""``gitml ci``."""

from __future__ import annotations

import json
import os
import secrets
from importlib import import_module

import click

from gitml.cli.terminal import printable
from gitml.errors import WrongUsage
from gitml.forges.event import pull_request
from gitml.git import repository, server
from gitml.policy.pull_request import Answer, Asked, answer
from gitml.policy.refusal import Refusal, as_data
from gitml.policy.rules import Violation


class _Commands(click.Group):
    """The commands of this file, and those that are imported only when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names."""
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f"gitml.cli.ci_{cmd_name}").command
        return command


_ELSEWHERE = ("comment", "record", "template")
"""The command ``x`` is ``command`` in ``gitml/cli/ci_x.py``."""


@click.group("ci", cls=_Commands, epilog="\b\nExample:\n  gitml ci check --base origin/main")
def command() -> None:
    """Judge a pull request in CI, by the rules of the main branch."""


@command.command(
    "check",
    epilog="\b\nExample:\n  gitml ci check --base origin/main\n  gitml ci check --format github   # in GitHub Actions",
)
@click.option(
    "--base", metavar="REMOTE/BRANCH", help="What is to be merged into. Default: the pull request's, or origin/main."
)
@click.option("--head", metavar="COMMIT", help="What is to be merged. Default: the pull request's, or HEAD.")
@click.option(
    "--branch", metavar="NAME", help="The head's branch. Default: the pull request's, or the checked-out one."
)
@click.option("--title", metavar="TEXT", help="The pull request's title, which a squash makes a commit's first line.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json", "github"]),
    default="human",
    help="How to answer; github writes annotations for Actions.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.pass_context
def check(
    context: click.Context,
    base: str | None,
    head: str | None,
    branch: str | None,
    title: str | None,
    form: str,
    as_json: bool,
) -> None:
    """Judge a pull request by the rule book.

    Reads git objects only: nothing of the pull request is run. The rules are those of the gitml.toml of
    the server's main branch (git config gitml.main, else the remote's HEAD, else main), never the pull
    request's own. In GitHub Actions and GitLab CI the pull request is known from the environment. Exits
    with 1 if a rule says no, with 3 if the clone has not what is needed.
    """
    found = answer(_asked(base, head, branch, title))
    print({"human": _as_text, "json": _as_json, "github": _as_annotations}["json" if as_json else form](found))
    if Refusal(found.judged).is_final:
        context.exit(1)


def _asked(base: str | None, head: str | None, branch: str | None, title: str | None) -> Asked:
    known = pull_request(os.environ)
    remote, name = _split(base or f"origin/{known.base if known is not None else 'main'}")
    if not remote or not name:
        raise WrongUsage(f"{base!r} is no remote's branch", "", ("gitml ci check --base origin/main",))
    if known is not None:
        return Asked(
            remote,
            name,
            branch or known.head,
            head or known.commit or "HEAD",
            title if title is not None else known.title,
            known.is_from_fork,
        )
    checked_out = repository.head(repository.find()).branch
    return Asked(remote, name, branch or (checked_out if head is None else head) or "", head or "HEAD", title)


def _split(base: str) -> tuple[str, str]:
    """Return the remote and the branch in ``origin/main``; a remote may have a slash in its name, too."""
    named = [remote for remote in server.remotes() if base.startswith(f"{remote}/")]
    remote = max(named, key=len, default=base.partition("/")[0])
    return remote, base[len(remote) + 1 :]


def _as_text(found: Answer) -> str:
    text = Refusal(found.judged).text("pull request")
    counted = f"the gitml.toml of {found.law[:10]}" if found.law else "the built-in rules"
    commits = f"{found.commits} new commit{'s' * (found.commits != 1)}"
    passed = "" if Refusal(found.judged).is_final else f"{commits}, {found.head[:10]}: every rule agrees, by {counted}"
    return "\n".join(line for line in (found.note, text, passed) if line)


def _as_json(found: Answer) -> str:
    refusal = Refusal(found.judged)
    return json.dumps(
        {
            "passes": not refusal.is_final,
            "head": found.head,
            "rules_of": found.law or None,
            "commits": found.commits,
            "note": found.note or None,
            "violations": [as_data(ref, violation) for ref, violation in found.judged],
        },
        indent=2,
    )


def _as_annotations(found: Answer) -> str:
    lines = [
        f"::{'error' if one.severity == 'error' else 'warning'} {_place(one.path, one.line)}"
        f"title={_property(one.rule)}::{_data(_in_one_line(one))}"
        for _, one in found.judged
    ]
    # what follows quotes the pull request, and a line that begins with :: would be obeyed
    token = secrets.token_hex(16)
    return "\n".join([*lines, f"::stop-commands::{token}", _as_text(found), f"::{token}::"])


def _in_one_line(violation: Violation) -> str:
    mend = f"Mend: {'; '.join(violation.mend)}" if violation.mend else ""
    return " ".join(filter(None, (f"{violation.what}.", violation.why, mend)))


def _place(path: str, line: int) -> str:
    if not path:
        return ""
    return f"file={_property(path)}," + (f"line={line}," if line else "")


def _data(text: str) -> str:
    """Return text as GitHub's workflow commands take it; what would begin a command of its own is escaped."""
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
