"""JSON as GitHub's API gives it, with every field that its OpenAPI description requires."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from .forge_repository import Comment, Pull, Review

Table = dict[str, Any]

_USER = "events followers following gists organizations received_events repos starred subscriptions"
_REPOSITORY = """
archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads
events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges
milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees
"""
_OF_USER, _OF_REPOSITORY = _USER.split(), _REPOSITORY.split()


def user(login: str, web: str) -> Table:
    api = f"{web}/api/v3/users/{login}"
    return {
        "login": login,
        "id": crc32(login.encode()),
        "node_id": f"U_{login}",
        "avatar_url": f"{web}/avatars/{login}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{web}/{login}",
        "type": "User",
        "site_admin": False,
        **{f"{name}_url": f"{api}/{name}" for name in _OF_USER},
    }


def account(login: str, web: str) -> Table:
    counts = ("followers", "following", "public_gists", "public_repos")
    nothing = dict.fromkeys(("bio", "blog", "company", "email", "hireable", "location", "name"))
    times = dict.fromkeys(("created_at", "updated_at"), "2026-01-02T03:04:05Z")
    return {**user(login, web), **dict.fromkeys(counts, 0), **nothing, **times}


def repository(path: str, web: str, default_branch: str, *, is_private: bool = True) -> Table:
    owner, _, name = path.partition("/")
    api = f"{web}/api/v3/repos/{path}"
    counts = ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers",
              "watchers_count")  # fmt: skip
    has = ("has_downloads", "has_projects", "has_wiki", "has_pages", "has_discussions", "archived", "disabled", "fork")
    nothing = ("description", "homepage", "language", "mirror_url", "license")
    times = dict.fromkeys(("created_at", "updated_at", "pushed_at"), "2026-01-02T03:04:05Z")
    return {
        "id": crc32(path.encode()),
        "node_id": f"R_{name}",
        "name": name,
        "full_name": path,
        "owner": user(owner, web),
        "private": is_private,
        "html_url": f"{web}/{path}",
        "url": api,
        "clone_url": f"{web}/{path}.git",
        "git_url": f"git://example.com/{path}.git",
        "ssh_url": f"git@example.com:{path}.git",
        "svn_url": f"{web}/{path}",
        "default_branch": default_branch,
        "has_issues": True,
        **{f"{name}_url": f"{api}/{name}" for name in _OF_REPOSITORY},
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(has, False),
        **dict.fromkeys(nothing),
        **times,
    }


def whole_repository(path: str, web: str, settings: Table, *, is_admin: bool, is_private: bool) -> Table:
    """Return the answer to a question for one repository; merge settings are for people who may push."""
    base = repository(path, web, settings["default_branch"], is_private=is_private)
    seen = {key: value for key, value in settings.items() if is_admin or key == "default_branch"}
    return {**base, **seen, "network_count": 0, "subscribers_count": 0}


def pull(one: Pull, path: str, web: str, tips: tuple[str, str], *, is_whole: bool) -> Table:
    """Return a pull request; in a list it lacks what must be computed."""
    owner = path.partition("/")[0]
    api, page = f"{web}/api/v3/repos/{path}/pulls/{one.number}", f"{web}/{path}/pull/{one.number}"
    issue = f"{web}/api/v3/repos/{path}/issues/{one.number}"
    merged_at = one.when if one.state == "merged" else None
    # of an open one this is a merge that was only tried
    merge = one.merge_commit or (tips[1] if one.state == "open" else None)
    links = ("self", "html", "issue", "comments", "review_comments", "review_comment", "commits", "statuses")
    told: Table = {
        "id": one.number + 1000,
        "node_id": f"PR_{one.number}",
        "number": one.number,
        "state": "open" if one.state == "open" else "closed",
        "locked": False,
        "title": one.title,
        "body": one.body or None,
        "user": user(one.author, web),
        "author_association": "OWNER" if one.author == owner else "CONTRIBUTOR",
        "url": api,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": f"{api}/commits",
        "comments_url": f"{issue}/comments",
        "review_comments_url": f"{api}/comments",
        "review_comment_url": f"{web}/api/v3/repos/{path}/pulls/comments{{/number}}",
        "statuses_url": f"{web}/api/v3/repos/{path}/statuses/{one.commit}",
        "created_at": one.when,
        "updated_at": one.when,
        "closed_at": None if one.state == "open" else one.when,
        "merged_at": merged_at,
        "merge_commit_sha": merge,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "labels": [],
        "milestone": None,
        "draft": False,
        "auto_merge": None,
        "head": _side(one.head, one.commit, f"mallory/{path.partition('/')[2]}" if one.is_from_fork else path, web),
        "base": _side(one.base, tips[0], path, web),
        "_links": {name: {"href": api} for name in links},
    }
    if not is_whole:
        return told
    counts = ("additions", "changed_files", "commits", "deletions", "review_comments")
    return {
        **told,
        **dict.fromkeys(counts, 1),
        "comments": len(one.comments),
        "merged": one.state == "merged",
        "mergeable": None,
        "mergeable_state": "unknown",
        "maintainer_can_modify": False,
        "merged_by": user(owner, web) if one.state == "merged" else None,
        "rebaseable": None,
    }


def _side(branch: str, commit: str, path: str, web: str) -> Table:
    owner = path.partition("/")[0]
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": commit,
        "user": user(owner, web),
        "repo": repository(path, web, "main"),
    }


_VERDICTS = {"approve": "APPROVED", "reject": "CHANGES_REQUESTED", "comment": "COMMENTED", "dismiss": "DISMISSED"}


def review(one: Review, number: int, path: str, web: str) -> Table:
    page = f"{web}/{path}/pull/{number}#pullrequestreview-{one.id}"
    api = f"{web}/api/v3/repos/{path}/pulls/{number}"
    return {
        "id": one.id,
        "node_id": f"PRR_{one.id}",
        "user": user(one.login, web),
        "body": "",
        "state": _VERDICTS[one.verdict],
        "commit_id": one.commit,
        "html_url": page,
        "pull_request_url": api,
        "submitted_at": one.when,
        "_links": {"html": {"href": page}, "pull_request": {"href": api}},
        "author_association": "COLLABORATOR" if one.is_insider else "NONE",
    }


def comment(one: Comment, number: int, path: str, web: str) -> Table:
    return {
        "id": one.id,
        "node_id": f"IC_{one.id}",
        "url": f"{web}/api/v3/repos/{path}/issues/comments/{one.id}",
        "html_url": f"{web}/{path}/pull/{number}#issuecomment-{one.id}",
        "issue_url": f"{web}/api/v3/repos/{path}/issues/{number}",
        "user": user(one.login, web),
        "body": one.body,
        "created_at": one.when,
        "updated_at": one.when,
        "author_association": "MEMBER",
    }
