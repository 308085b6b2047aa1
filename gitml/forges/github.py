"""Pull requests on GitHub, and on a GitHub Enterprise Server."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from gitml.forges import github_protection
from gitml.forges.answer import Table, commit, inner, number, page, text, text_or_nothing
from gitml.forges.base import PullRequest
from gitml.forges.problems import ForgeSaysNo, NotAllowed
from gitml.forges.words import body_that_fits, is_marked, marked, title_that_fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.forges.base import Change, Finding, Kind, Protection, State
    from gitml.forges.client import Client

HEADERS = {"Accept": "application/vnd.github+json, application/json", "X-GitHub-Api-Version": "2022-11-28"}
LONGEST = 65536
"""Letters of a body or a comment."""

_INSIDERS = ("OWNER", "MEMBER", "COLLABORATOR")
"""Whose review counts: in a public repository anybody may write one."""

_VERDICTS = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
"""Reviews that replace an earlier one of the same person; a mere comment does not."""


class GitHub:
    """A repository on GitHub; see `gitml.forges.base.Forge`.

    Parameters
    ----------
    client
        Its API.
    is_in_actions
        Whether the token is that of a GitHub Actions run, which has no user of its own.
    """

    name: Kind = "github"

    def __init__(self, client: Client, *, is_in_actions: bool = False) -> None:
        self._client = client
        self._repository = f"/repos/{quote(client.place.path)}"
        self._is_in_actions = is_in_actions

    def find(self, head: str, base: str, state: str = "open") -> PullRequest | None:
        """Return the newest pull request between two branches of this repository; forks do not count."""
        asked = {"open": "open", "all": "all"}.get(state, "closed")
        # What GitHub cannot read in `head` it ignores, and answers with everything: looked at again below.
        query = {"head": f"{self._client.place.owner}:{head}", "base": base, "state": asked}
        for row in self._list(**query):
            found = self._read(row)
            if (found.head, found.base) == (head, base) and state in (found.state, "all"):
                return self._with_approvals(found)
        return None

    def open(self, head: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request; one that is open already gets the title and the body."""
        there = self.find(head, base)
        if there is None:
            try:
                there = self._client.once(lambda: self._create(head, base, title, body), lambda: self.find(head, base))
            except ForgeSaysNo as refused:
                there = self.find(head, base) if "already exists" in refused.said else None
                if there is None:
                    raise
        if (there.title, there.body) == (title_that_fits(title), body_that_fits(body, LONGEST)):
            return there
        return self.update(there.number, title=title, body=body)

    def update(self, number: int, *, title: str | None = None, body: str | None = None) -> PullRequest:
        """Change the words of a pull request."""
        fields: Table = {} if title is None else {"title": title_that_fits(title)}
        if body is not None:
            fields["body"] = body_that_fits(body, LONGEST)
        row = self._client.patch(f"{self._repository}/pulls/{number}", fields)
        return self._with_approvals(self._read(row))

    def comment(self, number: int, body: str, marker: str) -> str:
        """Write a comment, or rewrite ours that carries the marker, and return its URL."""
        fields = {"body": marked(body, marker, LONGEST)}
        there = self._ours(number, marker)
        if there is not None:
            if there[2] == fields["body"]:
                return there[1]
            row = self._client.patch(f"{self._repository}/issues/comments/{there[0]}", fields)
        else:
            path = f"{self._repository}/issues/{number}/comments"
            made: tuple[int, str, str] = self._client.once(
                lambda: self._client.read(_comment, self._client.post(path, fields)),
                lambda: self._ours(number, marker),
            )
            return made[1]
        return str(self._client.read(_comment, row)[1])

    def state(self, number: int) -> PullRequest:
        """Return a pull request as it is now."""
        return self._with_approvals(self._read(self._client.get(f"{self._repository}/pulls/{number}")))

    def list_open(self, base: str) -> list[PullRequest]:
        """Return the open pull requests into a branch from branches of this repository, newest first."""
        return [self._with_approvals(self._read(row)) for row in self._list(base=base, state="open")]

    def protect(self, wanted: Protection, *, dry_run: bool = False) -> list[Change]:
        """Set what `wanted` needs; see `gitml.forges.base.Forge.protect`."""
        return github_protection.protect(self._client, self._repository, wanted, is_dry=dry_run)

    def verify(self, wanted: Protection) -> list[Finding]:
        """Compare what is set with what `wanted` needs; see `gitml.forges.base.Forge.verify`."""
        return github_protection.verify(self._client, self._repository, wanted)

    def _create(self, head: str, base: str, title: str, body: str) -> PullRequest:
        fields = {
            "head": head,
            "base": base,
            "title": title_that_fits(title),
            "body": body_that_fits(body, LONGEST),
            "maintainer_can_modify": False,
        }
        return self._read(self._client.post(f"{self._repository}/pulls", fields))

    def _list(self, **query: str) -> Iterator[Table]:
        asked = {**query, "sort": "created", "direction": "desc", "per_page": "100"}
        for row in self._client.pages(f"{self._repository}/pulls", **asked):
            if self._client.read(_is_of_one_repository, row):
                yield row

    def _read(self, row: object) -> PullRequest:
        found: PullRequest = self._client.read(_pull_request, row)
        return found

    def _with_approvals(self, found: PullRequest) -> PullRequest:
        last: dict[str, tuple[str, str]] = {}
        for row in self._client.pages(f"{self._repository}/pulls/{found.number}/reviews", per_page="100"):
            login, verdict, reviewed = self._client.read(_review, row)
            if verdict in _VERDICTS:
                last[login] = (verdict, reviewed)
        approving = [login for login, one in last.items() if one == ("APPROVED", found.head_commit)]
        return found._replace(approvals=tuple(login for login in approving if login not in ("", found.author)))

    def _ours(self, number: int, marker: str) -> tuple[int, str, str] | None:
        """Return id, URL and text of the comment that this account marked; None for none."""
        own = self._own_login()
        if not own:
            return None
        path = f"{self._repository}/issues/{number}/comments"
        for row in self._client.pages(path, per_page="100"):
            writer = self._client.read(lambda row: text_or_nothing(inner(row, "user"), "login"), row)
            found: tuple[int, str, str] = self._client.read(_comment, row)
            if writer == own and is_marked(found[2], marker):
                return found
        return None

    def _own_login(self) -> str:
        """Return the account that the token is of; empty where it is not known."""
        if self._is_in_actions:
            return "github-actions[bot]"
        with suppress(NotAllowed):  # the token of an app has no user
            return str(self._client.read(lambda row: text(row, "login"), self._client.get("/user")))
        return ""


def _is_of_one_repository(row: Table) -> bool:
    """Say whether head and base are in one repository; the head's may be gone."""
    names = [text_or_nothing(inner(inner(row, side), "repo"), "full_name") for side in ("head", "base")]
    return names[0].lower() == names[1].lower() != ""


def _pull_request(row: Table) -> PullRequest:
    is_merged = row.get("merged") is True or isinstance(row.get("merged_at"), str)
    state: State = "merged" if is_merged else ("open" if text(row, "state") == "open" else "closed")
    return PullRequest(
        number(row, "number"),
        page(row, "html_url"),
        state,
        text(inner(row, "head"), "ref"),
        text(inner(row, "base"), "ref"),
        commit(inner(row, "head"), "sha"),
        text(row, "title"),
        text_or_nothing(row, "body"),
        (),
        text_or_nothing(inner(row, "user"), "login"),
        commit(row, "merge_commit_sha") if is_merged else "",  # of an open one it is a merge that was only tried
    )


def _review(row: Table) -> tuple[str, str, str]:
    is_insider = text_or_nothing(row, "author_association") in _INSIDERS
    login = text_or_nothing(inner(row, "user"), "login")
    return login, text(row, "state") if is_insider else "", commit(row, "commit_id")


def _comment(row: Table) -> tuple[int, str, str]:
    return number(row, "id"), page(row, "html_url"), text_or_nothing(row, "body")
