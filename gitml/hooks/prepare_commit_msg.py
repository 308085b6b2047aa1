"""prepare-commit-msg: on ``experiments/*`` the editor opens with the prefix and what changed in params.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gitml import config
from gitml.conventions import commits
from gitml.errors import GitmlError
from gitml.git.command import git
from gitml.hooks.commit_msg import RULE, at_desk

PARAMS = "params.yaml"
START = "experiment: "
LARGEST = 2**20
"""Bytes of a params.yaml that is compared."""

MOST = 20
"""Changes that are listed."""

_LONGEST = 40


def run(file: str, branch: str, settings: str) -> None:
    """Put the prefix, and the changed parameters as comments, into the message file that an editor is to open.

    Parameters
    ----------
    file
        Where git wrote the message.
    branch
        The short name of the branch.
    settings
        What ``git config --get-regexp`` says of the comment character, clean-up and encoding.
    """
    raw = Path(file).read_bytes()
    if not branch.startswith("experiments/") or (raw and not raw.startswith((b"\n", b"\r\n"))):
        return
    try:
        project = config.read()
    except config.WrongConfig:
        return  # commit-msg says so, once
    if START.removesuffix(": ") not in [prefix.name for prefix in project.prefixes]:
        return
    if project.level(RULE) == "off":
        return
    cleanup = at_desk(branch, settings, True, project).cleanup
    comment = commits.COMMENT if cleanup.comment.lower() == "auto" else cleanup.comment
    lines = comment_lines(changes(_params("HEAD"), _params("")), comment) if cleanup.drops_comments else []
    block = "".join(f"{line}\n" for line in [START, *lines])
    Path(file).write_bytes(block.encode(errors="surrogateescape") + raw)


def changes(old: object, new: object) -> list[str]:
    """Return what differs between two parsed params.yaml, a line a key, in the order of the new one.

    >>> changes({"train": {"lr": 0.1, "width": 128}}, {"train": {"lr": 0.01, "width": 128, "layers": 2}})
    ['train.lr 0.1 -> 0.01', 'train.layers 2 (new)']
    """
    before, after = dict(_leaves(old)), dict(_leaves(new))
    lines = []
    for key, value in after.items():
        if key not in before:
            lines.append(f"{key} {_shown(value)} (new)")
        elif repr(before[key]) != repr(value):  # also 1 and True, 1 and 1.0
            lines.append(f"{key} {_shown(before[key])} -> {_shown(value)}")
    return lines + [f"{key} {_shown(value)} (gone)" for key, value in before.items() if key not in after]


def comment_lines(changed: list[str], comment: str) -> list[str]:
    """Return the changes as git's comments, `MOST` of them at most."""
    if not changed:
        return []
    shown = changed[:MOST]
    if len(changed) > MOST:
        shown.append(f"and {len(changed) - MOST} more")
    heading = f"Parameters that this commit changes ({PARAMS}):"
    return ["", f"{comment} {heading}", *(f"{comment}   {line}" for line in shown), comment]


def _leaves(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and (value or not key):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    if value is None or isinstance(value, bool):
        text = "null" if value is None else text.lower()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _params(revision: str) -> object:
    """Return what params.yaml says in a commit, or in the index; nothing where it cannot be read."""
    try:
        text = git("cat-file", "blob", f"{revision}:{PARAMS}")
    except GitmlError:
        return {}
    if len(text) > LARGEST:
        return {}
    try:
        import yaml
    except ImportError:
        return {}
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
