"""Pull requests on Gitea and Forgejo."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from gitml.forges import gitea_protection
from gitml.forges.answer import Table, commit, inner, number, page, text, text_or_nothing
from gitml.forges.base import PullRequest
from gitml.forges.problems import ForgeSaysNo, NotAllowed
from gitml.forges.words import body_that_fits, is_marked, marked, title_that_fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.forges.base import Change, Finding, Kind, Protection, State
    from gitml.forges.client import Client

HEADERS = {"Accept": "application/json"}
LONGEST = 1_000_000
"""Letters of a body or a comment; Gitea itself has no limit."""

_PAGE = "50"
"""Rows of a page: the most that Gitea gives where nobody changed it."""

_VERDICTS = ("APPROVED", "REQUEST_CHANGES")


class Gitea:
    """A repository on Gitea or Forgejo; see `gitml.forges.base.Forge`.

    Parameters
    ----------
    client
        Its API.
    """

    name: Kind = "gitea"

    def __init__(self, client: Client) -> None:
        self._client = client
        self._repository = f"/repos/{quote(client.place.path)}"

    def find(self, head: str, base: str, state: str = "open") -> PullRequest | None:
        """Return the newest pull request between two branches of this repository; forks do not count."""
        asked = {"open": "open", "all": "all"}.get(state, "closed")
        for row in self._list(state=asked):
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
                there = self.find(head, base) if refused.status == 409 else None
                if there is None:
                    raise
        if (there.title, there.body) == (title_that_fits(title), body_that_fits(body, LONGEST)):
            return there
        return self.update(there.number, title=title, body=body)

    def update(self, number: int, *, title: str | None = None, body: str | None = None) -> PullRequest:
        """Change the words of a pull request."""
        there = self._read(self._client.get(f"{self._repository}/pulls/{number}"))
        # Some versions empty what is not sent.
        fields = {
            "title": there.title if title is None else title_that_fits(title),
            "body": there.body if body is None else body_that_fits(body, LONGEST),
        }
        return self._with_approvals(self._read(self._client.patch(f"{self._repository}/pulls/{number}", fields)))

    def comment(self, number: int, body: str, marker: str) -> str:
        """Write a comment, or rewrite ours that carries the marker, and return its URL."""
        fields = {"body": marked(body, marker, LONGEST)}
        there = self._ours(number, marker)
        if there is None:
            path = f"{self._repository}/issues/{number}/comments"
            there = self._client.once(
                lambda: self._client.read(_comment, self._client.post(path, fields)),
                lambda: self._ours(number, marker),
            )
        elif there[2] != fields["body"]:
            self._client.patch(f"{self._repository}/issues/comments/{there[0]}", fields)
        return there[1]

    def state(self, number: int) -> PullRequest:
        """Return a pull request as it is now."""
        return self._with_approvals(self._read(self._client.get(f"{self._repository}/pulls/{number}")))

    def list_open(self, base: str) -> list[PullRequest]:
        """Return the open pull requests into a branch from branches of this repository, newest first."""
        there = [self._read(row) for row in self._list(state="open")]
        return [self._with_approvals(one) for one in there if one.base == base]

    def protect(self, wanted: Protection, *, dry_run: bool = False) -> list[Change]:
        """Set what `wanted` needs; see `gitml.forges.base.Forge.protect`."""
        return gitea_protection.protect(self._client, self._repository, wanted, is_dry=dry_run)

    def verify(self, wanted: Protection) -> list[Finding]:
        """Compare what is set with what `wanted` needs; see `gitml.forges.base.Forge.verify`."""
        return gitea_protection.verify(self._client, self._repository, wanted)

    def _create(self, head: str, base: str, title: str, body: str) -> PullRequest:
        fields = {
            "head": head,
            "base": base,
            "title": title_that_fits(title),
            "body": body_that_fits(body, LONGEST),
        }
        return self._read(self._client.post(f"{self._repository}/pulls", fields))

    def _list(self, **query: str) -> Iterator[Table]:
        for row in self._client.pages(f"{self._repository}/pulls", **query, limit=_PAGE):
            if self._client.read(_is_of_one_repository, row):
                yield row

    def _read(self, row: object) -> PullRequest:
        found: PullRequest = self._client.read(_pull_request, row)
        return found

    def _with_approvals(self, found: PullRequest) -> PullRequest:
        last: dict[str, bool] = {}
        for row in self._client.pages(f"{self._repository}/pulls/{found.number}/reviews", limit=_PAGE):
            login, verdict, is_current = self._client.read(_review, row, found.head_commit)
            if verdict in _VERDICTS:
                last[login] = verdict == "APPROVED" and is_current
        approving = [login for login, approves in last.items() if approves]
        return found._replace(approvals=tuple(login for login in approving if login not in ("", found.author)))

    def _ours(self, number: int, marker: str) -> tuple[int, str, str] | None:
        """Return id, URL and text of the comment that this account marked; None for none."""
        own = self._own_login()
        if not own:
            return None
        for row in self._client.pages(f"{self._repository}/issues/{number}/comments"):
            writer = self._client.read(lambda row: text_or_nothing(inner(row, "user"), "login"), row)
            found: tuple[int, str, str] = self._client.read(_comment, row)
            if writer == own and is_marked(found[2], marker):
                return found
        return None

    def _own_login(self) -> str:
        """Return the account that the token is of; empty where its scopes do not tell."""
        with suppress(NotAllowed):
            return str(self._client.read(lambda row: text(row, "login"), self._client.get("/user")))
        return ""


def _is_of_one_repository(row: Table) -> bool:
    return inner(row, "head").get("repo_id") == inner(row, "base").get("repo_id")


def _pull_request(row: Table) -> PullRequest:
    is_merged = row.get("merged") is True
    state: State = "merged" if is_merged else ("open" if text(row, "state") == "open" else "closed")
    return PullRequest(
        number(row, "number"),
        page(row, "html_url"),
        state,
        # The ref of a branch that is gone becomes refs/pull/N/head; its label stays.
        text_or_nothing(inner(row, "head"), "label") or text(inner(row, "head"), "ref"),
        text(inner(row, "base"), "ref"),
        commit(inner(row, "head"), "sha"),
        text(row, "title"),
        text_or_nothing(row, "body"),
        (),
        text_or_nothing(inner(row, "user"), "login"),
        commit(row, "merge_commit_sha") if is_merged else "",
    )


def _review(row: Table, head: str) -> tuple[str, str, bool]:
    """Return who, what, and whether it counts: official, of the current head, and not taken back."""
    counts = row.get("official") is True and row.get("dismissed") is not True and row.get("stale") is not True
    is_current = counts and commit(row, "commit_id") == head
    return text_or_nothing(inner(row, "user"), "login"), text(row, "state"), is_current


def _comment(row: Table) -> tuple[int, str, str]:
    return number(row, "id"), page(row, "html_url"), text_or_nothing(row, "body")
