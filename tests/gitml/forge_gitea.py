"""A stand-in of Gitea's REST API, for one repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from .forge_repository import Comment, Guard, MergeRefused, Pull, Review, Terms
from .forge_server import PATH, Account, Asked, ForgeServer, Problem

_METHODS = {
    "allow_merge_commits": "merge",
    "allow_squash_merge": "squash",
    "allow_rebase": "rebase",
    "allow_fast_forward_only_merge": "fast-forward",
}
_DO = {"merge": "merge", "squash": "squash", "rebase": "rebase", "fast-forward-only": "fast-forward"}
_VERDICTS = {"approve": "APPROVED", "reject": "REQUEST_CHANGES", "comment": "COMMENT"}
_PUSH = "Gitea: Not allowed to push to protected branch {ref}"


def problem(status: int, message: str) -> Problem:
    return Problem(status, {"message": message, "url": "https://gitea.example.com/api/swagger"})


class GiteaServer(ForgeServer):
    """Gitea with the repository ``ada/flights``."""

    api = "/api/v1"
    routes: ClassVar[list[tuple[str, str, str]]] = [
        ("GET", "/user", "get_user"),
        ("GET", "REPO", "get_repository"),
        ("PATCH", "REPO", "patch_repository"),
        ("GET", "REPO/pulls", "get_pulls"),
        ("POST", "REPO/pulls", "post_pull"),
        ("GET", r"REPO/pulls/(\d+)", "get_pull"),
        ("PATCH", r"REPO/pulls/(\d+)", "patch_pull"),
        ("POST", r"REPO/pulls/(\d+)/merge", "post_merge"),
        ("GET", r"REPO/pulls/(\d+)/reviews", "get_reviews"),
        ("GET", r"REPO/issues/(\d+)/comments", "get_comments"),
        ("POST", r"REPO/issues/(\d+)/comments", "post_comment"),
        ("PATCH", r"REPO/issues/comments/(\d+)", "patch_comment"),
        ("GET", "REPO/branch_protections", "get_protections"),
        ("POST", "REPO/branch_protections", "post_protection"),
        ("PATCH", "REPO/branch_protections/([^/]+)", "patch_protection"),
    ]

    def __init__(self, remote: Path) -> None:
        super().__init__(remote)
        self.protections: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {
            "full_name": PATH,
            "default_branch": "main",
            "allow_merge_commits": True,
            "allow_squash_merge": True,
            "allow_rebase": True,
            "allow_rebase_explicit": True,
            "allow_rebase_update": True,
            "allow_fast_forward_only_merge": True,
        }

    def not_found(self) -> Problem:
        return problem(404, "The target couldn't be found.")

    def bad_token(self) -> Problem:
        return problem(401, "invalid username, password or token")

    def forbidden(self) -> Problem:
        return problem(403, "user should be an owner or a collaborator with admin write of a repository")

    def path_of(self, asked: str) -> str:
        path = asked.removeprefix(self.api)
        found = re.fullmatch("/repos/([^/]+/[^/]+)(/.*)?", path)
        if found is None:
            return path
        if found[1].lower() != PATH:
            raise self.not_found()
        return "REPO" + (found[2] or "")

    def admin(self, asked: Asked) -> None:
        shown = asked.headers.get("authorization", "").partition(" ")[2]
        if not self.accounts.get(shown, Account("", False)).is_admin:
            raise self.forbidden()

    # pull requests

    def terms(self, branch: str) -> Terms:
        methods = tuple(how for key, how in _METHODS.items() if self.settings[key])
        one = next((one for name, one in self.protections.items() if re.fullmatch(_pattern(name), branch)), {})
        checks = one.get("status_check_contexts") or [] if one.get("enable_status_check") else []
        is_strict, drops = one.get("block_on_outdated_branch", False), one.get("dismiss_stale_approvals", False)
        return Terms(one.get("required_approvals", 0), tuple(checks), is_strict, drops, methods)

    def has_passed(self, commit: str, check: str) -> bool:
        pattern = check.replace("*", ".*")
        return any(
            state == "success" and one == commit and re.fullmatch(pattern, name)
            for (one, name), state in self.checks.items()
        )

    def message(self, pull: Pull, how: str) -> str:
        if how == "merge":
            return f"Merge pull request '{pull.title}' (#{pull.number}) from {pull.head} into {pull.base}"
        return f"{pull.title} (#{pull.number})"

    def shown(self, pull: Pull) -> Any:
        is_gone = pull.state != "open" and not self.repository.tip(pull.head)
        return {
            "id": 500 + pull.number,
            "number": pull.number,
            "html_url": f"{self.url}/{PATH}/pulls/{pull.number}",
            "title": pull.title,
            "body": pull.body,
            "state": "open" if pull.state == "open" else "closed",
            "merged": pull.state == "merged",
            "merge_commit_sha": pull.merge_commit or None,
            "user": {"login": pull.author},
            "head": {
                "label": pull.head,
                "ref": f"refs/pull/{pull.number}/head" if is_gone else pull.head,
                "sha": pull.commit,
                "repo_id": 4 if pull.is_from_fork else 3,
            },
            "base": {"label": pull.base, "ref": pull.base, "sha": self.repository.tip(pull.base), "repo_id": 3},
        }

    def get_user(self, asked: Asked) -> Any:
        return {"login": asked.login}

    def get_pulls(self, asked: Asked) -> Any:
        state = asked.query.get("state", "open")
        rows = [pull for pull in self.newest() if state == "all" or (pull.state == "open") is (state == "open")]
        return self.page(asked, [self.shown(pull) for pull in rows], "limit")

    def post_pull(self, asked: Asked) -> Any:
        head, base = asked.body["head"], asked.body["base"]
        self.refresh()
        if not self.repository.tip(head) or not self.repository.tip(base):
            raise self.not_found()
        for pull in self.pulls.values():
            if (pull.head, pull.base, pull.state) == (head, base, "open"):
                message = f"pull request already exists for these targets [id: {pull.number}, issue_id: {pull.number}]"
                raise problem(409, message)
        if not self.repository.count(base, head):
            raise problem(422, "Invalid PullRequest: There are no changes between the head and the base")
        made = self.add(head, base, asked.body["title"], asked.body.get("body", ""), asked.login)
        return 201, {}, self.shown(made)

    def get_pull(self, asked: Asked, number: int) -> Any:
        return self.shown(self.pull(number))

    def patch_pull(self, asked: Asked, number: int) -> Any:
        pull = self.pull(number)
        pull.title = asked.body.get("title") or pull.title
        pull.body = asked.body.get("body", "")  # as versions did that know no absent text
        return 201, {}, self.shown(pull)

    def post_merge(self, asked: Asked, number: int) -> Any:
        try:
            self.merge(number, _DO[asked.body["Do"]])
        except MergeRefused as refused:
            raise problem(405, refused.says) from None
        return {}

    def shown_review(self, one: Review, head: str) -> Any:
        return {
            "id": one.id,
            "user": {"login": one.login},
            "state": _VERDICTS.get(one.verdict, "APPROVED"),
            "commit_id": one.commit,
            "stale": one.commit != head,
            "official": one.is_insider,
            "dismissed": one.verdict == "dismiss",
        }

    def get_reviews(self, asked: Asked, number: int) -> Any:
        pull = self.pull(number)
        return self.page(asked, [self.shown_review(one, pull.commit) for one in pull.reviews], "limit")

    def shown_comment(self, one: Comment, number: int) -> Any:
        address = f"{self.url}/{PATH}/issues/{number}#issuecomment-{one.id}"
        return {"id": one.id, "body": one.body, "user": {"login": one.login}, "html_url": address}

    def get_comments(self, asked: Asked, number: int) -> Any:
        return [self.shown_comment(one, number) for one in self.pull(number).comments]

    def post_comment(self, asked: Asked, number: int) -> Any:
        made = self.say(number, asked.login, asked.body["body"])
        one = next(one for one in self.pulls[number].comments if one.id == made)
        return 201, {}, self.shown_comment(one, number)

    def patch_comment(self, asked: Asked, comment: int) -> Any:
        for pull in self.pulls.values():
            for one in pull.comments:
                if one.id == comment:
                    one.body = asked.body["body"]
                    return self.shown_comment(one, pull.number)
        raise self.not_found()

    # protection

    def get_repository(self, asked: Asked) -> Any:
        return self.settings

    def patch_repository(self, asked: Asked) -> Any:
        self.admin(asked)
        if not self.repository.tip(asked.body.get("default_branch", "main")):
            raise problem(422, "SetDefaultBranch: branch does not exist")
        self.settings.update(asked.body)
        return self.settings

    def get_protections(self, asked: Asked) -> Any:
        self.admin(asked)
        return list(self.protections.values())

    def post_protection(self, asked: Asked) -> Any:
        self.admin(asked)
        name = asked.body["rule_name"]
        if name in self.protections:
            raise problem(403, "Branch protection already exist")
        return 201, {}, self.keep(name, {"required_approvals": 0, "status_check_contexts": None, **asked.body})

    def patch_protection(self, asked: Asked, name: str) -> Any:
        self.admin(asked)
        if name not in self.protections:
            raise self.not_found()
        return self.keep(name, {**self.protections[name], **asked.body})

    def keep(self, name: str, told: dict[str, Any]) -> Any:
        # what this version does not know it does not keep
        self.protections[name] = {key: value for key, value in told.items() if key != "apply_to_admins"}
        guards = []
        for pattern, one in self.protections.items():
            refuses = ("deletion",) if one["enable_push"] else ("creation", "update", "deletion")
            refuses += () if one["enable_force_push"] else ("force",)
            guards.append(Guard(f"refs/heads/{_pattern(pattern)}", refuses, _PUSH))
        self.repository.guard(guards)
        return self.protections[name]


def _pattern(name: str) -> str:
    return "[^/]*".join(map(re.escape, name.split("*")))
