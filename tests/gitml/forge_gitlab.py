"""A stand-in of GitLab's REST API, for one project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from .forge_repository import Comment, Guard, MergeRefused, Pull, Terms
from .forge_server import PATH, Account, Asked, ForgeServer, Problem

_STATES = {"open": "opened", "merged": "merged", "closed": "closed"}
_METHODS = {
    "merge": ("merge", "squash"),
    "rebase_merge": ("merge", "squash"),
    "ff": ("fast-forward", "squash"),
}
_PUSH = "GitLab: You are not allowed to push code to protected branches on this project."
_TAG = "GitLab: Protected tags cannot be updated."
_LEVELS = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers"}


def problem(status: int, message: Any) -> Problem:
    return Problem(status, {"message": message})


class GitLabServer(ForgeServer):
    """GitLab with the project ``ada/flights``.

    Attributes
    ----------
    is_premium
        Whether there are approval rules; without, anybody's approval is optional.
    """

    api = "/api/v4"
    routes: ClassVar[list[tuple[str, str, str]]] = [
        ("GET", "/user", "get_user"),
        ("GET", "REPO", "get_project"),
        ("PUT", "REPO", "put_project"),
        ("GET", "REPO/repository/branches/([^/]+)", "get_branch"),
        ("GET", "REPO/merge_requests", "get_requests"),
        ("POST", "REPO/merge_requests", "post_request"),
        ("GET", r"REPO/merge_requests/(\d+)", "get_request"),
        ("PUT", r"REPO/merge_requests/(\d+)", "put_request"),
        ("PUT", r"REPO/merge_requests/(\d+)/merge", "put_merge"),
        ("GET", r"REPO/merge_requests/(\d+)/approvals", "get_approvals"),
        ("GET", r"REPO/merge_requests/(\d+)/versions", "get_versions"),
        ("GET", r"REPO/merge_requests/(\d+)/notes", "get_notes"),
        ("POST", r"REPO/merge_requests/(\d+)/notes", "post_note"),
        ("PUT", r"REPO/merge_requests/(\d+)/notes/(\d+)", "put_note"),
        ("GET", "REPO/protected_branches", "get_branches"),
        ("POST", "REPO/protected_branches", "post_branch"),
        ("DELETE", "REPO/protected_branches/([^/]+)", "delete_branch"),
        ("GET", "REPO/protected_tags", "get_tags"),
        ("POST", "REPO/protected_tags", "post_tag"),
        ("GET", "REPO/approvals", "get_approval_settings"),
        ("POST", "REPO/approvals", "post_approval_settings"),
        ("GET", "REPO/approval_rules", "get_approval_rules"),
        ("POST", "REPO/approval_rules", "post_approval_rule"),
        ("PUT", r"REPO/approval_rules/(\d+)", "put_approval_rule"),
    ]

    def __init__(self, remote: Path) -> None:
        super().__init__(remote)
        self.is_premium = True
        self.path = PATH
        self.branches: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, Any]] = {}
        self.rules: dict[int, dict[str, Any]] = {}
        self.approval_settings: dict[str, Any] = {
            "reset_approvals_on_push": False,
            "merge_requests_author_approval": True,
            "disable_overriding_approvers_per_merge_request": False,
        }
        self.settings: dict[str, Any] = {
            "id": 7,
            "default_branch": "main",
            "merge_method": "merge",
            "squash_option": "default_off",
            "only_allow_merge_if_pipeline_succeeds": False,
            "allow_merge_on_skipped_pipeline": None,
            "merge_trains_enabled": False,
            "ci_config_path": "",
        }
        self.executed: list[str] = []
        self.repository.git("config", "receive.advertisePushOptions", "true")

    def not_found(self) -> Problem:
        return problem(404, "404 Not found")

    def bad_token(self) -> Problem:
        return problem(401, "401 Unauthorized")

    def forbidden(self) -> Problem:
        return problem(403, "403 Forbidden")

    def path_of(self, asked: str) -> str:
        path = asked.removeprefix(self.api)
        found = re.fullmatch("/projects/([^/]+)(/.*)?", path)
        if found is None:
            return path
        if found[1].replace("%2F", "/") != self.path:
            raise problem(404, "404 Project Not Found")
        return "REPO" + (found[2] or "")

    def admin(self, asked: Asked) -> None:
        shown = asked.headers.get("authorization", "").partition(" ")[2]
        if not self.accounts.get(shown, Account("", False)).is_admin:
            raise self.forbidden()

    def premium(self) -> None:
        if not self.is_premium:
            raise self.not_found()

    # merge requests

    def terms(self, branch: str) -> Terms:
        approvals = max((rule["approvals_required"] for rule in self.rules.values()), default=0)
        checks = ("gitml",) if self.settings["only_allow_merge_if_pipeline_succeeds"] else ()
        method = self.settings["merge_method"]
        drops = self.is_premium and self.approval_settings["reset_approvals_on_push"]
        return Terms(approvals, checks, method != "merge", drops, _METHODS[method])

    def message(self, pull: Pull, how: str) -> str:
        if how == "merge":
            first = f"Merge branch '{pull.head}' into '{pull.base}'"
            return f"{first}\n\n{pull.title}\n\nSee merge request {PATH}!{pull.number}"
        return pull.title

    def refresh(self) -> None:
        super().refresh()
        for heads, told in self.repository.pushed_options():
            said = dict(one.removeprefix("merge_request.").partition("=")[::2] for one in told)
            for ref in heads if "create" in said else ():
                head, base = ref.removeprefix("refs/heads/"), said.get("target", "main")
                if not any((one.head, one.base, one.state) == (head, base, "open") for one in self.pulls.values()):
                    self.add(head, base, said.get("title", head), self.obeyed(said.get("description", "")), "ada")

    def obeyed(self, text: str) -> str:
        """Do what a text's quick actions say, as GitLab does, and return the rest."""
        kept = []
        for line in text.split("\n"):
            found = re.fullmatch(r"/(merge|approve|close|draft)\s*", line)
            if found:
                self.executed.append(found[1])
            else:
                kept.append(line)
        return "\n".join(kept)

    def shown(self, pull: Pull) -> Any:
        is_merged = pull.state == "merged"
        is_ff = is_merged and pull.merge_commit == pull.commit
        squash = pull.merge_commit if pull.is_squashed else None
        return {
            "id": 9000 + pull.number,
            "iid": pull.number,
            "project_id": 7,
            "source_project_id": 8 if pull.is_from_fork else 7,
            "target_project_id": 7,
            "title": pull.title,
            "description": pull.body,
            "state": _STATES[pull.state],
            "source_branch": pull.head,
            "target_branch": pull.base,
            "sha": pull.commit,
            "author": {"id": 1, "username": pull.author, "name": pull.author},
            "web_url": f"{self.url}/{self.path}/-/merge_requests/{pull.number}",
            "created_at": pull.when,
            "merge_commit_sha": None if is_ff or squash else (pull.merge_commit or None),
            "squash_commit_sha": squash,
        }

    def get_user(self, asked: Asked) -> Any:
        if "job-token" in asked.headers:
            raise self.bad_token()
        return {"id": 1, "username": asked.login}

    def get_branch(self, asked: Asked, name: str) -> Any:
        if not self.repository.tip(name):
            raise problem(404, "404 Branch Not Found")
        return {"name": name, "commit": {"id": self.repository.tip(name)}}

    def get_requests(self, asked: Asked) -> Any:
        rows = self.newest()
        for key, field in (("source_branch", "head"), ("target_branch", "base")):
            if key in asked.query:
                rows = [pull for pull in rows if getattr(pull, field) == asked.query[key]]
        if asked.query.get("state", "all") != "all":
            rows = [pull for pull in rows if _STATES[pull.state] == asked.query["state"]]
        return self.page(asked, [self.shown(pull) for pull in rows], most=20)

    def post_request(self, asked: Asked) -> Any:
        if "job-token" in asked.headers:
            raise self.bad_token()
        given = asked.body
        head, base = given["source_branch"], given["target_branch"]
        self.refresh()
        for pull in self.pulls.values():
            if (pull.head, pull.base, pull.state) == (head, base, "open"):
                raise problem(
                    409, [f"Another open merge request already exists for this source branch: !{pull.number}"]
                )
        if not self.repository.tip(base):
            raise problem(400, {"target_branch": ["does not exist"]})
        made = self.add(head, base, given["title"], self.obeyed(given.get("description", "")), asked.login)
        return 201, {}, self.shown(made)

    def get_request(self, asked: Asked, number: int) -> Any:
        return self.shown(self.pull(number))

    def put_request(self, asked: Asked, number: int) -> Any:
        pull = self.pull(number)
        pull.title = asked.body.get("title", pull.title)
        pull.body = self.obeyed(asked.body.get("description", pull.body))
        return self.shown(pull)

    def put_merge(self, asked: Asked, number: int) -> Any:
        given = asked.body or {}
        if given.get("sha") not in (None, self.pull(number).commit):
            raise problem(409, "SHA does not match HEAD of source branch: " + self.pull(number).commit)
        try:
            self.merge(number, "squash" if given.get("squash") else self.terms("").methods[0])
        except MergeRefused:
            raise problem(405, "405 Method Not Allowed") from None
        return self.shown(self.pulls[number])

    def get_approvals(self, asked: Asked, number: int) -> Any:
        pull = self.pull(number)
        last = {one.login: one for one in pull.reviews if one.verdict in ("approve", "dismiss")}
        given = [one for one in last.values() if one.verdict == "approve"]
        return {"approved_by": [{"user": {"username": one.login}, "approved_at": one.when} for one in given]}

    def get_versions(self, asked: Asked, number: int) -> Any:
        rows = [{"head_commit_sha": commit, "created_at": when} for commit, when in self.pull(number).versions]
        return self.page(asked, rows[::-1])

    def shown_note(self, one: Comment) -> Any:
        return {"id": one.id, "body": one.body, "author": {"username": one.login}, "system": False}

    def get_notes(self, asked: Asked, number: int) -> Any:
        return self.page(asked, [self.shown_note(one) for one in self.pull(number).comments], most=20)

    def post_note(self, asked: Asked, number: int) -> Any:
        made = self.say(number, asked.login, self.obeyed(asked.body["body"]))
        return 201, {}, self.shown_note(next(one for one in self.pulls[number].comments if one.id == made))

    def put_note(self, asked: Asked, number: int, note: int) -> Any:
        for one in self.pull(number).comments:
            if one.id == note:
                one.body = self.obeyed(asked.body["body"])
                return self.shown_note(one)
        raise self.not_found()

    # protection

    def get_project(self, asked: Asked) -> Any:
        return self.settings

    def put_project(self, asked: Asked) -> Any:
        self.admin(asked)
        if not self.repository.tip(asked.body.get("default_branch", "main")):
            raise problem(400, {"base": ["Could not set the default branch. Do you have a branch named so?"]})
        self.settings.update(asked.body)
        return self.settings

    def get_branches(self, asked: Asked) -> Any:
        self.admin(asked)
        return self.page(asked, list(self.branches.values()), most=20)

    def post_branch(self, asked: Asked) -> Any:
        self.admin(asked)
        name = asked.body["name"]
        if name in self.branches:
            raise problem(409, f"Protected branch '{name}' already exists")
        self.branches[name] = {
            "id": self.number(),
            "name": name,
            "push_access_levels": [_level(asked.body.get("push_access_level", 40))],
            "merge_access_levels": [_level(asked.body.get("merge_access_level", 40))],
            "allow_force_push": asked.body.get("allow_force_push", False),
        }
        self.guard()
        return 201, {}, self.branches[name]

    def delete_branch(self, asked: Asked, name: str) -> Any:
        self.admin(asked)
        if self.branches.pop(name, None) is None:
            raise self.not_found()
        self.guard()
        return 204, {}, None

    def get_tags(self, asked: Asked) -> Any:
        self.admin(asked)
        return self.page(asked, list(self.tags.values()), most=20)

    def post_tag(self, asked: Asked) -> Any:
        self.admin(asked)
        name = asked.body["name"]
        if name in self.tags:
            raise problem(422, ["Name has already been taken"])
        self.tags[name] = {"name": name, "create_access_levels": [_level(asked.body.get("create_access_level", 40))]}
        self.guard()
        return 201, {}, self.tags[name]

    def guard(self) -> None:
        guards = []
        for name, one in self.branches.items():
            can_push = any(level["access_level"] for level in one["push_access_levels"])
            refuses = ("deletion",) if can_push else ("creation", "update", "deletion")
            refuses += () if one["allow_force_push"] else ("force",)
            guards.append(Guard(f"refs/heads/{_pattern(name)}", refuses, _PUSH))
        guards += [Guard(f"refs/tags/{_pattern(name)}", ("update", "deletion"), _TAG) for name in self.tags]
        self.repository.guard(guards)

    def get_approval_settings(self, asked: Asked) -> Any:
        self.premium()
        return self.approval_settings

    def post_approval_settings(self, asked: Asked) -> Any:
        self.premium()
        self.admin(asked)
        self.approval_settings.update(asked.body)
        return 201, {}, self.approval_settings

    def get_approval_rules(self, asked: Asked) -> Any:
        self.premium()
        return self.page(asked, list(self.rules.values()))

    def post_approval_rule(self, asked: Asked) -> Any:
        self.premium()
        number = self.number()
        self.rules[number] = {"protected_branches": [], **asked.body, "id": number}
        return 201, {}, self.rules[number]

    def put_approval_rule(self, asked: Asked, number: int) -> Any:
        self.rules[number].update(asked.body)
        return self.rules[number]


def _level(level: int) -> dict[str, Any]:
    return {"id": 1, "access_level": level, "access_level_description": _LEVELS[level], "user_id": None}


def _pattern(name: str) -> str:
    return ".*".join(map(re.escape, name.split("*")))
