"""A merge request that GitLab opens by itself when a branch is pushed: no token is needed."""

from __future__ import annotations

from gitml.forges.words import title_that_fits, without_quick_actions

LONGEST = 4000
"""Letters of a description that is pushed; a whole one comes with a token."""


def push_options(base: str, title: str, body: str = "") -> tuple[str, ...]:
    """Return what is said to GitLab along with a push, each behind ``-o``.

    Parameters
    ----------
    base
        Short name of the branch that is to change.
    title
        The merge request's, cut where it is too long.
    body
        Its description. An option is one line: of several lines only the first is sent.

    Notes
    -----
    A server that does not advertise push options lets ``git push`` fail with 128, and nothing is pushed: the same
    push without them works then.
    """
    told = {"target": base, "title": title_that_fits(title)}
    line = next((line.strip() for line in body.replace("\0", "").splitlines() if line.strip()), "")
    if line:
        told["description"] = without_quick_actions(line[:LONGEST])
    return ("merge_request.create", *(f"merge_request.{key}={value}" for key, value in told.items()))
