"""gitml's hooks as the pre-commit framework calls them: with file names and variables instead of git's own words."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from gitml.errors import GitFailed, GitmlError, WrongUsage
from gitml.git.command import git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTINGS = r"^(core\.comment(char|string)|commit\.cleanup|i18n\.commitencoding)$"
MOST_PARENTS = 12
"""How far up a git is looked for that called all this."""

_LEFT_OUT = "gitml: {hook} was not done: {fault}"


class Called(NamedTuple):
    """How the framework calls a hook.

    Attributes
    ----------
    files
        The names that it passes: for the hooks about messages the file with the message.
    environment
        Its variables; they are not there where the hook is not run by git, as with ``pre-commit run``.
    """

    files: Sequence[str]
    environment: Mapping[str, str]

    def said(self, name: str) -> str:
        """Return a variable of the framework, or nothing."""
        return self.environment.get(f"PRE_COMMIT_{name}", "")


def run(hook: str, files: Sequence[str]) -> bool:
    """Run one hook, and return whether git may go on.

    A fault of ours never stops work, as with the installed hooks.

    Raises
    ------
    WrongUsage
        The framework was told to call it in another way.
    """
    called = Called(files, os.environ)
    try:
        return _RUN[hook](called)
    except WrongUsage:
        raise
    except GitmlError as error:
        print(_LEFT_OUT.format(hook=hook, fault=error.what), file=sys.stderr)
    except Exception as error:
        if os.environ.get("GITML_DEBUG") == "1":
            raise
        print(_LEFT_OUT.format(hook=hook, fault=f"{type(error).__name__}: {error}"), file=sys.stderr)
    return True


def _commit_msg(called: Called) -> bool:
    from gitml.hooks import commit_msg

    file = _message(called)
    template = _unless_it_fails("config", "--path", "commit.template")
    git_dir = git("rev-parse", "--git-dir")
    return commit_msg.run(file, git_dir, _branch(), _settings(), template, _calling_git())


def _prepare_commit_msg(called: Called) -> bool:
    from gitml.hooks import prepare_commit_msg

    # the same conditions as in scripts/prepare-commit-msg.sh
    is_new = called.said("COMMIT_MSG_SOURCE") in ("", "template")
    is_for_a_person = is_new and called.environment.get("GIT_EDITOR") != ":"
    branch = _branch() if is_for_a_person else ""
    if branch.startswith("experiments/"):
        prepare_commit_msg.run(_message(called), branch, _settings())
    return True


def _pre_commit(called: Called) -> bool:
    from gitml.hooks import pre_commit

    return pre_commit.run()


def _pre_push(called: Called) -> bool:
    from gitml.hooks import pre_push

    line = pushed_line(called)
    return pre_push.run(line, called.said("REMOTE_NAME"), called.said("REMOTE_URL")) if line else True


def _post_checkout(called: Called) -> bool:
    from gitml.hooks import post_checkout

    old, new = called.said("FROM_REF"), called.said("TO_REF")
    if called.said("CHECKOUT_TYPE") == "1" and old.strip("0") and old != new:
        post_checkout.run(old, new)
    return True


_RUN = {
    "pre-commit": _pre_commit,
    "prepare-commit-msg": _prepare_commit_msg,
    "commit-msg": _commit_msg,
    "post-checkout": _post_checkout,
    "pre-push": _pre_push,
}


def pushed_line(called: Called) -> bytes:
    """Return what git says to pre-push of a ref, as far as the framework tells it; nothing where it does not.

    The framework names the first ref that is not deleted, and no other. It says where the new commits begin, not
    what the remote has: that is taken from the remote-tracking branch.
    """
    local, remote = called.said("LOCAL_BRANCH"), called.said("REMOTE_BRANCH")
    if not local or not remote:
        return b""
    new = called.said("TO_REF") or git("rev-parse", "--verify", "--end-of-options", local)
    old = _remote_has(called.said("REMOTE_NAME"), remote, called.said("FROM_REF")) or "0" * len(new)
    return os.fsencode(f"{local} {new} {remote} {old}\n")


def _remote_has(name: str, ref: str, begins: str) -> str:
    """Return the object that the remote has at a ref; nothing where it has none, or that cannot be told."""
    if not begins or not ref.startswith("refs/heads/"):
        is_tag = begins != "" and _unless_it_fails("cat-file", "-t", "--end-of-options", begins) == "tag"
        return begins if is_tag else ""
    tracked = f"refs/remotes/{name}/{ref.removeprefix('refs/heads/')}"
    refs = git("for-each-ref", "--format=%(refname)", f"refs/remotes/{name}/").split("\n") if name else []
    return begins if tracked in refs or not any(refs) else ""


def _message(called: Called) -> str:
    if len(called.files) != 1:
        raise WrongUsage(
            f"one file with the message is needed, not {len(called.files)}",
            "The pre-commit framework passes it at the stages commit-msg and prepare-commit-msg.",
            ("gitml hooks run commit-msg .git/COMMIT_EDITMSG",),
        )
    return called.files[0]


def _branch() -> str:
    return _unless_it_fails("symbolic-ref", "--quiet", "--short", "HEAD")


def _settings() -> str:
    return _unless_it_fails("config", "--get-regexp", SETTINGS)


def _unless_it_fails(*words: str) -> str:
    try:
        return git(*words)
    except GitFailed:
        return ""


def _calling_git() -> str:
    """Return the process of the ``git commit`` that all this began with; nothing where the system does not tell."""
    process = os.getppid()
    for _ in range(MOST_PARENTS):
        try:
            with open(f"/proc/{process}/stat", "rb") as file:
                name, _, rest = file.read().partition(b"(")[2].rpartition(b") ")
        except OSError:
            return ""
        if name == b"git":
            return str(process)
        process = int(rest.split()[1])
    return ""
