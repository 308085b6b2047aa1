"""Merge requests on GitLab, hosted or one's own."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from gitml.forges import gitlab_protection
from gitml.forges.answer import Table, WrongField, commit, inner, number, page, rows, text, text_or_nothing
from gitml.forges.base import PullRequest
from gitml.forges.problems import ForgeSaysNo, NotAllowed
from gitml.forges.words import body_that_fits, is_marked, marked, title_that_fits, without_quick_actions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.forges.base import Change, Finding, Kind, Protection, State
    from gitml.forges.client import Client

HEADERS = {"Accept": "application/json"}
LONGEST = 1_000_000
"""Letters of a description or a note."""

_STATES: dict[str, State] = {"opened": "open", "locked": "open", "merged": "merged", "closed": "closed"}
_ASKED = {"open": "opened", "merged": "merged", "closed": "closed"}


class GitLab:
    """A project on GitLab; see `gitml.forges.base.Forge`.

    Parameters
    ----------
    client
        Its API.
    """

    name: Kind = "gitlab"

    def __init__(self, client: Client) -> None:
        self._client = client
        self._project = f"/projects/{quote(client.place.path, safe='')}"

    def find(self, head: str, base: str, state: str = "open") -> PullRequest | None:
        """Return the newest merge request between two branches of this project; forks do not count."""
        query = {"source_branch": head, "target_branch": base, "state": _ASKED.get(state, "all")}
        for row in self._list(**query):
            found = self._read(row)
            if (found.head, found.base) == (head, base) and state in (found.state, "all"):
                return self._with_approvals(found)
        return None

    def open(self, head: str, base: str, title: str, body: str) -> PullRequest:
        """Open a merge request; one that is open already gets the title and the body."""
        there = self.find(head, base)
        if there is None:
            # GitLab opens one for a branch that it has not, too, and shows an empty page.
            self._client.get(f"{self._project}/repository/branches/{quote(head, safe='')}")
            try:
                there = self._client.once(lambda: self._create(head, base, title, body), lambda: self.find(head, base))
            except ForgeSaysNo as refused:
                there = self.find(head, base) if refused.status == 409 else None
                if there is None:
                    raise
        if (there.title, there.body) == (title_that_fits(title), _body(body)):
            return there
        return self.update(there.number, title=title, body=body)

    def update(self, number: int, *, title: str | None = None, body: str | None = None) -> PullRequest:
        """Change the words of a merge request."""
        fields: Table = {} if title is None else {"title": title_that_fits(title)}
        if body is not None:
            fields["description"] = _body(body)
        return self._with_approvals(self._read(self._client.put(self._path(number), fields)))

    def comment(self, number: int, body: str, marker: str) -> str:
        """Write a note, or rewrite ours that carries the marker, and return its URL."""
        note = without_quick_actions(marked(body, marker, LONGEST))
        shown = self._read(self._client.get(self._path(number))).url
        path = f"{self._path(number)}/notes"
        there = self._ours(number, marker)
        if there is None:
            there = self._client.once(
                lambda: self._client.read(_note, self._client.post(path, {"body": note})),
                lambda: self._ours(number, marker),
            )
        elif there[1] != note:
            self._client.put(f"{path}/{there[0]}", {"body": note})
        return f"{shown}#note_{there[0]}"

    def state(self, number: int) -> PullRequest:
        """Return a merge request as it is now."""
        return self._with_approvals(self._read(self._client.get(self._path(number))))

    def list_open(self, base: str) -> list[PullRequest]:
        """Return the open merge requests into a branch from branches of this project, newest first."""
        return [self._with_approvals(self._read(row)) for row in self._list(target_branch=base, state="opened")]

    def protect(self, wanted: Protection, *, dry_run: bool = False) -> list[Change]:
        """Set what `wanted` needs; see `gitml.forges.base.Forge.protect`."""
        return gitlab_protection.protect(self._client, self._project, wanted, is_dry=dry_run)

    def verify(self, wanted: Protection) -> list[Finding]:
        """Compare what is set with what `wanted` needs; see `gitml.forges.base.Forge.verify`."""
        return gitlab_protection.verify(self._client, self._project, wanted)

    def _path(self, number: int) -> str:
        return f"{self._project}/merge_requests/{number}"

    def _create(self, head: str, base: str, title: str, body: str) -> PullRequest:
        fields = {
            "source_branch": head,
            "target_branch": base,
            "title": title_that_fits(title),
            "description": _body(body),
            "remove_source_branch": False,
        }
        return self._read(self._client.post(f"{self._project}/merge_requests", fields))

    def _list(self, **query: str) -> Iterator[Table]:
        asked = {**query, "order_by": "created_at", "sort": "desc", "per_page": "100"}
        for row in self._client.pages(f"{self._project}/merge_requests", **asked):
            if row.get("source_project_id") == row.get("target_project_id"):
                yield row

    def _read(self, row: object) -> PullRequest:
        found: PullRequest = self._client.read(_merge_request, row)
        return found

    def _with_approvals(self, found: PullRequest) -> PullRequest:
        """Add who approved since the last push: GitLab's free tier keeps approvals that are older."""
        given: list[tuple[str, str]] = self._client.read(
            _approvals, self._client.get(f"{self._path(found.number)}/approvals")
        )
        if not given:
            return found
        versions = self._client.pages(f"{self._path(found.number)}/versions", per_page="100")
        newest = next(iter(versions), {})
        pushed = self._client.read(_pushed, newest, found.head_commit)
        current = [login for login, when in given if pushed is not None and self._client.read(_time, when) >= pushed]
        return found._replace(approvals=tuple(login for login in current if login != found.author))

    def _ours(self, number: int, marker: str) -> tuple[int, str] | None:
        """Return id and text of the note that this account marked; None for none."""
        own = self._own_login()
        if not own:
            return None
        for row in self._client.pages(f"{self._path(number)}/notes", sort="asc", order_by="created_at", per_page="100"):
            writer = self._client.read(lambda row: text_or_nothing(inner(row, "author"), "username"), row)
            found: tuple[int, str] = self._client.read(_note, row)
            if writer == own and row.get("system") is not True and is_marked(found[1], marker):
                return found
        return None

    def _own_login(self) -> str:
        """Return the account that the token is of; empty where it has none, as a job's."""
        with suppress(NotAllowed):
            return str(self._client.read(lambda row: text(row, "username"), self._client.get("/user")))
        return ""


def _body(body: str) -> str:
    return body_that_fits(without_quick_actions(body), LONGEST)


def _merge_request(row: Table) -> PullRequest:
    state = _STATES.get(text(row, "state"))
    if state is None:
        raise WrongField("state is none that is known")
    head = commit(row, "sha")
    # A fast-forward makes no commit of its own.
    merge = commit(row, "merge_commit_sha") or commit(row, "squash_commit_sha") or head
    return PullRequest(
        number(row, "iid"),
        page(row, "web_url"),
        state,
        text(row, "source_branch"),
        text(row, "target_branch"),
        head,
        text(row, "title"),
        text_or_nothing(row, "description"),
        (),
        text_or_nothing(inner(row, "author"), "username"),
        merge if state == "merged" else "",
    )


def _approvals(value: Table) -> list[tuple[str, str]]:
    """Return who approved and when; a GitLab that does not say when proves nothing about the current head."""
    given = rows(value.get("approved_by") or [], "approved_by")
    return [
        (text(inner(one, "user"), "username"), text(one, "approved_at"))
        for one in given
        if one.get("approved_at") is not None
    ]


def _pushed(version: Table, head: str) -> datetime | None:
    """Return when the current head came; None where the newest version is not that of the head."""
    return _time(text(version, "created_at")) if version.get("head_commit_sha") == head else None


def _time(told: str) -> datetime:
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        raise WrongField("a time cannot be read") from None
    if found.tzinfo is None:
        raise WrongField("a time has no zone")
    return found


def _note(row: Table) -> tuple[int, str]:
    return number(row, "id"), text_or_nothing(row, "body")
