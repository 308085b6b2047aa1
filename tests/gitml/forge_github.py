"""A stand-in of GitHub's REST API, for one repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from . import forge_github_shapes as shapes
from .forge_repository import Guard, MergeRefused, Pull, Terms
from .forge_server import OWNER, PATH, Account, Asked, ForgeServer, Problem

DOCS = "https://docs.example.com/rest"
METHODS = {"allow_merge_commit": "merge", "allow_squash_merge": "squash", "allow_rebase_merge": "rebase"}


def problem(status: int, message: str, *errors: object) -> Problem:
    body: dict[str, Any] = {"message": message, "documentation_url": DOCS, "status": str(status)}
    return Problem(status, {**body, "errors": list(errors)} if errors else body)


class GitHubServer(ForgeServer):
    """GitHub with the repository ``ada/flights``.

    Attributes
    ----------
    has_rulesets
        Whether this tier and version has them.
    """

    api = "/api/v3"
    routes: ClassVar[list[tuple[str, str, str]]] = [
        ("GET", "/user", "get_user"),
        ("GET", "/", "get_root"),
        ("POST", "/api/graphql", "post_graphql"),
        ("GET", "REPO", "get_repository"),
        ("PATCH", "REPO", "patch_repository"),
        ("GET", "REPO/pulls", "get_pulls"),
        ("POST", "REPO/pulls", "post_pull"),
        ("GET", r"REPO/pulls/(\d+)", "get_pull"),
        ("PATCH", r"REPO/pulls/(\d+)", "patch_pull"),
        ("PUT", r"REPO/pulls/(\d+)/merge", "put_merge"),
        ("GET", r"REPO/pulls/(\d+)/reviews", "get_reviews"),
        ("GET", r"REPO/issues/(\d+)/comments", "get_comments"),
        ("POST", r"REPO/issues/(\d+)/comments", "post_comment"),
        ("PATCH", r"REPO/issues/comments/(\d+)", "patch_comment"),
        ("GET", "REPO/rulesets", "get_rulesets"),
        ("POST", "REPO/rulesets", "post_ruleset"),
        ("GET", r"REPO/rulesets/(\d+)", "get_ruleset"),
        ("PUT", r"REPO/rulesets/(\d+)", "put_ruleset"),
        ("GET", "REPO/rules/branches/([^/]+)", "get_rules"),
        ("GET", "REPO/branches/([^/]+)/protection", "get_protection"),
        ("PUT", "REPO/branches/([^/]+)/protection", "put_protection"),
        ("GET", "REPO/git/matching-refs/(.+)", "get_matching_refs"),
    ]

    def __init__(self, remote: Path) -> None:
        super().__init__(remote)
        self.has_rulesets = True
        self.is_free_and_private = False
        self.rulesets: dict[int, dict[str, Any]] = {}
        self.protections: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {
            "default_branch": "main",
            "allow_merge_commit": True,
            "allow_squash_merge": True,
            "allow_rebase_merge": True,
            "allow_update_branch": True,
            "allow_auto_merge": False,
            "delete_branch_on_merge": False,
        }

    def not_found(self) -> Problem:
        return problem(404, "Not Found")

    def bad_token(self) -> Problem:
        return problem(401, "Bad credentials")

    def forbidden(self) -> Problem:
        return problem(403, "Resource not accessible by personal access token")

    def path_of(self, asked: str) -> str:
        path = asked.removeprefix(self.api)
        found = re.fullmatch("/repos/([^/]+/[^/]+)(/.*)?", path)
        if found is None:
            return path or "/"
        if found[1].lower() != PATH:
            raise self.not_found()
        return "REPO" + (found[2] or "")

    # pull requests

    def terms(self, branch: str) -> Terms:
        enabled = [how for key, how in METHODS.items() if self.settings[key]]
        approvals, checks, is_strict, drops = 0, [], False, False
        for rule in self.rules_for(f"refs/heads/{branch}", "branch"):
            given = rule.get("parameters") or {}
            if rule["type"] == "pull_request":
                approvals = max(approvals, given["required_approving_review_count"])
                drops = drops or given["dismiss_stale_reviews_on_push"]
                enabled = [how for how in enabled if how in given.get("allowed_merge_methods", enabled)]
            if rule["type"] == "required_status_checks":
                checks += [one["context"] for one in given["required_status_checks"]]
                is_strict = is_strict or given["strict_required_status_checks_policy"]
        return Terms(approvals, tuple(checks), is_strict, drops, tuple(enabled))

    def message(self, pull: Pull, how: str) -> str:
        if how == "merge":
            return f"Merge pull request #{pull.number} from {OWNER}/{pull.head}\n\n{pull.title}"
        return f"{pull.title} (#{pull.number})\n\n{pull.body}"

    def shown(self, pull: Pull, *, is_whole: bool = True) -> Any:
        tips = (self.repository.tip(pull.base), self.repository.tip(pull.base))
        return shapes.pull(pull, PATH, self.url, tips, is_whole=is_whole)

    def get_user(self, asked: Asked) -> Any:
        if asked.login.endswith("[bot]"):
            raise problem(403, "Resource not accessible by integration")
        return shapes.account(asked.login, self.url)

    def get_root(self, asked: Asked) -> Any:
        return 200, {"X-Oauth-Scopes": "repo, read:org, gist"}, {"current_user_url": f"{self.url}/api/v3/user"}

    def post_graphql(self, asked: Asked) -> Any:
        """Answer the one question in GraphQL that `gh auth status` asks."""
        if "viewer" not in asked.body["query"]:
            raise problem(400, "the stand-in knows no GraphQL")
        return {"data": {"viewer": {"login": asked.login}}}

    def get_pulls(self, asked: Asked) -> Any:
        state, base, head = (asked.query.get(key, "") for key in ("state", "base", "head"))
        rows = [pull for pull in self.newest() if state == "all" or (pull.state == "open") is (state in ("", "open"))]
        rows = [pull for pull in rows if base in ("", pull.base)]
        if ":" in head:  # what is no owner:branch is not looked at, as on the real one
            owner, _, branch = head.partition(":")
            rows = [one for one in rows if one.head == branch and (owner == "mallory") is one.is_from_fork]
        if asked.query.get("direction") != "desc":
            rows.reverse()
        return self.page(asked, [self.shown(pull, is_whole=False) for pull in rows])

    def post_pull(self, asked: Asked) -> Any:
        given = asked.body
        self.refresh()
        for side in ("head", "base"):
            if not self.repository.tip(given[side].rpartition(":")[2]):
                raise problem(422, "Validation Failed", {"resource": "PullRequest", "field": side, "code": "invalid"})
        head, base = given["head"], given["base"]
        custom = {"resource": "PullRequest", "code": "custom"}
        if any((one.head, one.base, one.state) == (head, base, "open") for one in self.pulls.values()):
            message = f"A pull request already exists for {OWNER}:{head}."
            raise problem(422, "Validation Failed", {**custom, "message": message})
        if not self.repository.count(base, head):
            raise problem(422, "Validation Failed", {**custom, "message": f"No commits between {base} and {head}"})
        made = self.add(head, base, given["title"], given.get("body") or "", asked.login)
        return 201, {}, self.shown(made)

    def get_pull(self, asked: Asked, number: int) -> Any:
        return self.shown(self.pull(number))

    def patch_pull(self, asked: Asked, number: int) -> Any:
        pull = self.pull(number)
        pull.title = asked.body.get("title", pull.title)
        pull.body = asked.body.get("body", pull.body)
        if len(pull.body) > 65536:
            raise problem(422, "Validation Failed", {"resource": "Issue", "field": "body", "code": "custom"})
        return self.shown(pull)

    def put_merge(self, asked: Asked, number: int) -> Any:
        given = asked.body or {}
        if given.get("sha") not in (None, self.pull(number).commit):
            raise problem(409, "Head branch was modified. Review and try the merge again.")
        try:
            commit = self.merge(number, given.get("merge_method", "merge"))
        except MergeRefused as refused:
            raise problem(refused.status, refused.says) from None
        return {"sha": commit, "merged": True, "message": "Pull Request successfully merged"}

    def get_reviews(self, asked: Asked, number: int) -> Any:
        pull = self.pull(number)
        return self.page(asked, [shapes.review(one, number, PATH, self.url) for one in pull.reviews])

    def get_comments(self, asked: Asked, number: int) -> Any:
        pull = self.pull(number)
        return self.page(asked, [shapes.comment(one, number, PATH, self.url) for one in pull.comments])

    def post_comment(self, asked: Asked, number: int) -> Any:
        made = self.say(number, asked.login, asked.body["body"])
        one = next(one for one in self.pulls[number].comments if one.id == made)
        return 201, {}, shapes.comment(one, number, PATH, self.url)

    def patch_comment(self, asked: Asked, comment: int) -> Any:
        for pull in self.pulls.values():
            for one in pull.comments:
                if one.id == comment:
                    one.body = asked.body["body"]
                    return shapes.comment(one, pull.number, PATH, self.url)
        raise self.not_found()

    # protection

    def admin(self, asked: Asked) -> None:
        if not self.is_admin(asked):
            raise self.forbidden()

    def is_admin(self, asked: Asked) -> bool:
        shown = asked.headers.get("authorization", "").partition(" ")[2]
        return self.accounts.get(shown, Account("", False)).is_admin

    def get_repository(self, asked: Asked) -> Any:
        is_admin = self.is_admin(asked)
        return shapes.whole_repository(PATH, self.url, self.settings, is_admin=is_admin, is_private=self.is_private)

    def patch_repository(self, asked: Asked) -> Any:
        self.admin(asked)
        branch = asked.body.get("default_branch", "main")
        if not self.repository.tip(branch):
            message = (
                f"The branch {branch} was not found. Please push that ref first or create it via the Git Data API."
            )
            raise problem(422, "Validation Failed", {"resource": "Repository", "field": "default_branch",
                                                     "code": "invalid", "message": message})  # fmt: skip
        self.settings.update(asked.body)
        return self.get_repository(asked)

    def needs_rulesets(self) -> None:
        if self.is_free_and_private:
            raise problem(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")
        if not self.has_rulesets:
            raise self.not_found()

    def rules_for(self, ref: str, target: str) -> list[dict[str, Any]]:
        fitting = [one for one in self.rulesets.values() if one["target"] == target and _has(one, ref)]
        return [{**rule, "ruleset": one} for one in fitting for rule in one["rules"]]

    def shown_ruleset(self, one: dict[str, Any], asked: Asked, *, is_whole: bool = True) -> Any:
        told = {key: one[key] for key in ("id", "name", "target", "enforcement")}
        told |= {"source_type": one.get("source_type", "Repository"), "source": PATH, "node_id": f"RRS_{one['id']}"}
        if is_whole:
            told |= {"conditions": one["conditions"], "rules": one["rules"]}
            told |= {"bypass_actors": one.get("bypass_actors", [])} if self.is_admin(asked) else {}
        return told

    def get_rulesets(self, asked: Asked) -> Any:
        self.needs_rulesets()
        return self.page(asked, [self.shown_ruleset(one, asked, is_whole=False) for one in self.rulesets.values()])

    def get_ruleset(self, asked: Asked, number: int) -> Any:
        self.needs_rulesets()
        if number not in self.rulesets:
            raise self.not_found()
        return self.shown_ruleset(self.rulesets[number], asked)

    def post_ruleset(self, asked: Asked) -> Any:
        self.needs_rulesets()
        self.admin(asked)
        if any(one["name"] == asked.body["name"] for one in self.rulesets.values()):
            raise problem(422, "Validation Failed", "Name must be unique")
        return 201, {}, self.keep(asked, self.number())

    def put_ruleset(self, asked: Asked, number: int) -> Any:
        self.admin(asked)
        return self.keep(asked, number)

    def keep(self, asked: Asked, number: int) -> Any:
        self.rulesets[number] = {**asked.body, "id": number}
        self.guard()
        return self.shown_ruleset(self.rulesets[number], asked)

    def guard(self) -> None:
        """Let the bare repository refuse what the rulesets refuse."""
        kinds = {"deletion": "deletion", "non_fast_forward": "force", "update": "update", "pull_request": "update"}
        guards = []
        for one in self.rulesets.values():
            if one["enforcement"] != "active":
                continue
            refuses = tuple(kinds[rule["type"]] for rule in one["rules"] if rule["type"] in kinds)
            says = "GH013: Repository rule violations found for {ref}."
            guards += [Guard(_pattern(ref), refuses, says) for ref in one["conditions"]["ref_name"]["include"]]
        self.repository.guard(guards)

    def get_rules(self, asked: Asked, branch: str) -> Any:
        self.needs_rulesets()
        rows = []
        for rule in self.rules_for(f"refs/heads/{branch}", "branch"):
            source = rule.pop("ruleset")
            told = {"ruleset_source_type": "Repository", "ruleset_source": PATH, "ruleset_id": source["id"]}
            rows.append({**rule, **told})
        return self.page(asked, rows)

    def get_protection(self, asked: Asked, branch: str) -> Any:
        if self.is_free_and_private:
            self.needs_rulesets()
        self.admin(asked)
        if not self.repository.tip(branch):
            raise problem(404, "Branch not found")
        if branch not in self.protections:
            raise problem(404, "Branch not protected")
        given = self.protections[branch]
        checks, reviews = given["required_status_checks"], given["required_pull_request_reviews"]
        url = f"{self.url}{asked.path}"
        told: dict[str, Any] = {"url": url}
        if checks:
            rows = [{"context": one, "app_id": None} for one in checks["contexts"]]
            told["required_status_checks"] = {**checks, "url": url, "contexts_url": url, "checks": rows}
        if reviews:
            told["required_pull_request_reviews"] = {**reviews, "url": url}
        told["enforce_admins"] = {"url": url, "enabled": bool(given.get("enforce_admins"))}
        for key in ("allow_force_pushes", "allow_deletions"):
            told[key] = {"enabled": bool(given.get(key))}
        return told

    def put_protection(self, asked: Asked, branch: str) -> Any:
        if self.is_free_and_private:
            self.needs_rulesets()
        self.admin(asked)
        self.protections[branch] = asked.body
        return self.get_protection(asked, branch)

    def get_matching_refs(self, asked: Asked, prefix: str) -> Any:
        return [self.shown_ref(name) for name in self.repository.branches(prefix.removeprefix("heads/"))]

    def shown_ref(self, name: str) -> Any:
        target = {"type": "commit", "sha": self.repository.tip(name), "url": self.url}
        return {"ref": f"refs/heads/{name}", "node_id": "REF", "url": self.url, "object": target}


def _has(ruleset: dict[str, Any], ref: str) -> bool:
    names = ruleset["conditions"]["ref_name"]
    fits = any(re.fullmatch(_pattern(one), ref) for one in names["include"])
    return (
        ruleset["enforcement"] == "active"
        and fits
        and not any(re.fullmatch(_pattern(one), ref) for one in names["exclude"])
    )


def _pattern(ref: str) -> str:
    if ref == "~ALL":
        return ".*"
    ref = "refs/heads/main" if ref == "~DEFAULT_BRANCH" else ref
    parts = re.split(r"(\*\*/|\*)", ref)
    return "".join({"**/": "(?:[^/]+/)*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)
