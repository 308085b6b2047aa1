"""The pull request that a CI run is for, as the forge's environment tells it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 2**22
"""Bytes of an event file that is read."""


class PullRequest(NamedTuple):
    """A pull request, or merge request.

    Attributes
    ----------
    base, head
        Short names of the branch that is to change and of the one that is to be merged.
    commit
        Full id of the head's commit; empty where it is not told.
    title
        Its title, which a squash makes the first line of a commit; None where it is not told.
    is_from_fork
        Whether the head is in another repository.
    """

    base: str
    head: str
    commit: str = ""
    title: str | None = None
    is_from_fork: bool = False


def pull_request(environment: Mapping[str, str]) -> PullRequest | None:
    """Return the pull request that the environment of a CI run tells of; None where it tells of none.

    GitHub and Gitea write the event into the file that ``GITHUB_EVENT_PATH`` names; GitLab sets
    ``CI_MERGE_REQUEST_*``.
    """
    if environment.get("GITHUB_EVENT_PATH"):
        return _from_event(environment["GITHUB_EVENT_PATH"])
    if environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        return PullRequest(
            environment["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"],
            environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", ""),
            environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environment.get("CI_COMMIT_SHA", ""),
            environment.get("CI_MERGE_REQUEST_TITLE"),
            environment.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") != environment.get("CI_MERGE_REQUEST_PROJECT_ID"),
        )
    return None


def _from_event(file: str) -> PullRequest | None:
    try:
        with open(file, "rb") as opened:
            event = json.loads(opened.read(LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    found = event.get("pull_request") if isinstance(event, dict) else None
    if not isinstance(found, dict):
        return None
    base, head = _table(found, "base"), _table(found, "head")
    return PullRequest(
        _text(base, "ref"),
        _text(head, "ref"),
        _text(head, "sha"),
        found["title"] if isinstance(found.get("title"), str) else None,
        _text(_table(head, "repo"), "full_name") != _text(_table(base, "repo"), "full_name"),
    )


def _table(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
