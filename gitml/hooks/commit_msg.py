"""commit-msg: every message has a prefix, and on ``experiments/*`` gets it by itself.

Imports the bottom floor only: this runs at every commit.
"""

from __future__ import annotations

import os
import sys

from gitml import config
from gitml.conventions import commits
from gitml.conventions.commits import Cleanup
from gitml.conventions.frozen import Frozen
from gitml.conventions.shell import can_be_typed
from gitml.hooks import invocation, memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.config import Config
    from gitml.conventions.commits import Fault, Prefix
    from gitml.hooks.invocation import Invocation

RULE = "commit-prefix"
KEPT = "gitml/message"
"""Where a refused message is kept, in the git directory of its working tree."""

LONGEST_TYPED = 500
"""Letters of a message that is offered behind ``-m``; a longer one is taken from the file."""

WIDTH = 80
_UNFINISHED = ("MERGE_HEAD", "rebase-merge", "rebase-apply")


class Desk(Frozen):
    """What a message is written in.

    Attributes
    ----------
    branch
        The short name; empty where HEAD is detached.
    cleanup
        What git will do to the message.
    encoding
        ``i18n.commitEncoding``.
    config
        The project's configuration.
    """

    branch: str
    cleanup: Cleanup = Cleanup()
    encoding: str = "utf-8"
    config: Config = config.DEFAULTS


class Verdict(Frozen):
    """What is decided about a message.

    Attributes
    ----------
    fault
        What is wrong with it; None where nothing is.
    mended
        The whole message file with a right first line; empty where there is none.
    kept
        The same as git would store it, for ``git commit -F``.
    is_mended_here
        Whether the hook itself mends, as on ``experiments/*``.
    """

    fault: Fault | None = None
    mended: bytes = b""
    kept: bytes = b""
    is_mended_here: bool = False


def run(file: str, git_dir: str, branch: str, settings: str, template: str, parent: str) -> bool:
    """Judge the message in `file`; mend it, or say on stderr why not.

    Parameters
    ----------
    file
        Where git wrote the message.
    git_dir
        What belongs to this working tree: HEAD, MERGE_HEAD.
    branch
        The short name of the branch; empty where HEAD is detached.
    settings
        What ``git config --get-regexp`` says of the comment character, clean-up and encoding.
    template
        ``commit.template``, or empty.
    parent
        The process that called the hook.

    Returns
    -------
    bool
        Whether the commit may be made.
    """
    if any(os.path.exists(f"{git_dir}/{name}") for name in _UNFINISHED):
        return True
    with open(file, "rb") as opened:
        raw = opened.read()
    has_editor = os.environ.get("GIT_EDITOR") != ":"
    known = tuple(commits.Prefix(name) for name in memory.recall(git_dir))
    if known and decide(raw, at_desk(branch, settings, has_editor, config.Config(prefixes=known))).fault is None:
        return True
    try:
        project = _read(git_dir)
    except config.WrongConfig as wrong:
        print(f"gitml: the commit message was not checked: {wrong.what}", file=sys.stderr)
        return True
    desk = at_desk(branch, settings, has_editor, project)
    verdict = decide(raw, desk)
    if verdict.fault is None or (template and has_editor and _is_untouched(raw, template, desk)):
        return True
    if verdict.is_mended_here:
        memory.replace(file, verdict.mended)
        print(f"gitml: on {branch} the message is now {commits.shown(verdict.fault.mended)}", file=sys.stderr)
        return True
    is_refused = project.level(RULE) == "error"
    called = invocation.of_commit(invocation.words_of(parent))
    kept = _keep(git_dir, verdict.kept) if verdict.kept and is_refused else None
    print(explain(verdict, desk, called if is_refused else called.amending(), kept, is_refused), file=sys.stderr)
    return not is_refused


def at_desk(branch: str, settings: str, has_editor: bool, project: Config) -> Desk:
    """Return what the words of ``git config --get-regexp`` mean; the last of a name counts."""
    said = dict(line.partition(" ")[::2] for line in settings.split("\n") if line)
    comment, mode = commits.COMMENT, said.get("commit.cleanup", "default")
    for name in said:
        if name in ("core.commentchar", "core.commentstring"):
            comment = said[name]
    return Desk(branch, Cleanup(has_editor, comment, mode), said.get("i18n.commitencoding", "utf-8"), project)


def decide(raw: bytes, desk: Desk) -> Verdict:
    """Decide about the bytes of a message file."""
    if desk.config.level(RULE) == "off":
        return Verdict()
    text, encoding = commits.decode(raw, "utf-8" if raw.startswith(b"\xef\xbb\xbf") else desk.encoding)
    place = commits.find_subject(text, desk.cleanup)
    if place is None:
        # whoever empties the message in an editor gives the commit up; git says so itself
        return Verdict() if desk.cleanup.has_editor else Verdict(commits.find_fault(""))
    start, end = place
    prefixes = desk.config.prefixes
    fault = commits.find_fault(text[start:end], prefixes, commits.likely_prefix(desk.branch, prefixes))
    if fault is None or not fault.mended:
        return Verdict(fault)
    mended = text[:start] + fault.mended + text[end:]
    is_experiment = desk.branch.startswith("experiments/") and fault.mended.startswith("experiment: ")
    return Verdict(
        fault,
        mended.encode(encoding, "surrogateescape"),
        commits.as_stored(mended, desk.cleanup).encode(encoding, "surrogateescape"),
        is_experiment and fault.what == "no prefix",
    )


def explain(verdict: Verdict, desk: Desk, called: Invocation, kept: str | None, is_refused: bool = True) -> str:
    """Return what a person reads: what is wrong, the prefixes, the command that mends it.

    Parameters
    ----------
    verdict
        What is wrong, and how it would be right.
    desk
        What the message was written in.
    called
        How git was called.
    kept
        The file with the mended message; None where there is none.
    is_refused
        Whether the commit is refused; else it is made all the same.
    """
    fault = verdict.fault
    if fault is None:
        return ""
    lines = [f"gitml: commit refused ({RULE})" if is_refused else f"gitml: warning ({RULE})"]
    where = f", on {desk.branch}:" if desk.branch else ":"
    if fault.what in ("byte order mark", "no subject"):
        lines.append(f"  {fault.says}")
    else:
        subject = commits.shown(fault.line) if fault.line else "an empty message"
        lines.append(f"  {subject} needs one of{where}")
        lines += [f"    {line}" for line in table(desk.config.prefixes)]
    lines.append("Mend:" if kept is None else f"Your message is kept in {called.path_to(kept)}. Mend:")
    if fault.mended and _fits_on_the_command_line(verdict, desk):
        lines.append(f"  {called.with_message(fault.mended)}")
    elif kept is not None:
        lines.append(f"  {called.with_file(kept)}")
    elif fault.mended:
        lines.append(f"  {called.with_editor()}")
    else:
        likely = commits.likely_prefix(desk.branch, desk.config.prefixes)
        prefix = fault.line.partition(":")[0] or likely
        lines.append(f"  {called.with_message(f'{prefix}: what you changed')}")
    return "\n".join(lines)


def _fits_on_the_command_line(verdict: Verdict, desk: Desk) -> bool:
    """Say whether ``git commit -m`` gives exactly the mended message: a terminal's bytes are UTF-8."""
    line = verdict.fault.mended if verdict.fault is not None else ""
    is_one = b"\n" not in verdict.kept.rstrip(b"\n")
    return (
        is_one
        and len(line) <= LONGEST_TYPED
        and can_be_typed(line)
        and (line.isascii() or desk.encoding.lower() in ("utf-8", "utf8"))
    )


def table(prefixes: Sequence[Prefix]) -> list[str]:
    """Return the prefixes and what they are for, in two columns where 80 letters are enough for them."""
    half = (len(prefixes) + 1) // 2
    left, right = _column(prefixes[:half]), _column(prefixes[half:])
    width = max(map(len, left)) + 5
    pairs = [f"{one:{width}}{other}".rstrip() for one, other in zip(left, [*right, ""], strict=False)]
    return pairs if max(map(len, pairs)) <= WIDTH - 4 else _column(prefixes)


def _column(prefixes: Sequence[Prefix]) -> list[str]:
    width = max((len(prefix.name) for prefix in prefixes), default=0) + 3
    return [f"{prefix.name + ':':{width}}{prefix.meaning}".rstrip() for prefix in prefixes]


def _is_untouched(raw: bytes, template: str, desk: Desk) -> bool:
    """Say whether nobody wrote anything into the template: git then gives up, unless we change it."""
    try:
        with open(template, "rb") as file:
            texts = [commits.decode(content, desk.encoding)[0] for content in (raw, file.read())]
    except OSError:
        return False
    message, empty = (commits.as_stored(text, desk.cleanup) for text in texts)
    return message == empty


def _read(git_dir: str) -> Config:
    """Return what gitml.toml says, and remember its prefixes."""
    try:
        with open(config.FILE, "rb") as file:
            content = file.read(config.LARGEST + 1)
    except OSError:
        return config.read()
    project = config.parse(content)
    memory.remember(git_dir, [prefix.name for prefix in project.prefixes], content)
    return project


def _keep(git_dir: str, message: bytes) -> str | None:
    """Write the message where the next commit does not write over it, and return the file."""
    file = f"{git_dir}/{KEPT}"
    try:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        memory.replace(file, message)
    except OSError:
        return None
    return file
