"""Setting and auditing on GitLab what promotion by merge request needs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from gitml.forges import audit
from gitml.forges.answer import Table, number, text, text_or_nothing
from gitml.forges.audit import Seal
from gitml.forges.base import Change, Finding
from gitml.forges.gitlab_rules import DEVELOPERS, NO_ONE, UP_TO_DATE, guard, levels, required, seal, tag_seal
from gitml.forges.problems import ForgeSaysNo, NotAllowed

if TYPE_CHECKING:
    from gitml.forges.base import Protection
    from gitml.forges.client import Client

MEND = "gitml forge protect"
_PREMIUM = "GitLab Premium or Ultimate has it, the free tier has not"
_ON_THE_WEB = "git cannot delete a protected one; a maintainer can, on the web, and no setting prevents it"
_FORWARD = "whoever may create a protected branch may push to it; gitml ci check and gitml model verify see that"
_REBASE = "the Rebase button cannot be switched off; gitml ci check refuses the promotion that it made"
_OWN_PIPELINE = (
    "a merge request's pipeline comes from its own branch; a CI configuration in another project "
    "(.gitlab-ci.yml@group/project) or, on Ultimate, a pipeline execution policy cannot be edited by it"
)


def protect(client: Client, project: str, wanted: Protection, *, is_dry: bool) -> list[Change]:
    """Set the project's settings, protected branches and tags, and approvals where the tier has them."""
    changes = _protect_settings(client, project, wanted, is_dry)
    there = list(client.pages(f"{project}/protected_branches", per_page="100"))
    for name, push, merge in (
        (wanted.main, NO_ONE, DEVELOPERS),
        (wanted.production, NO_ONE, DEVELOPERS),
        (wanted.models, DEVELOPERS, NO_ONE),
    ):
        changes += _protect_branch(client, project, there, (name, push, merge), is_dry)
    known = {client.read(text, row, "name") for row in client.pages(f"{project}/protected_tags", per_page="100")}
    for tag in wanted.tags:
        if tag not in known:
            if not is_dry:
                client.post(f"{project}/protected_tags", {"name": tag, "create_access_level": DEVELOPERS})
            changes.append(Change(tag, "protected tag", "open", "made once, by developers"))
    return [*changes, *_protect_approvals(client, project, wanted, is_dry), *_cannot(wanted)]


def verify(client: Client, project: str, wanted: Protection) -> list[Finding]:
    """Ask for what is set, and judge it."""
    settings = client.get(project)
    branches = _listed(client, f"{project}/protected_branches")
    tags = _listed(client, f"{project}/protected_tags")
    approvals = _approvals(client, project)
    found = [_judged_branch(client, settings, wanted), _unavailable("repository", "update-branch button", _REBASE)]
    sample = wanted.production.replace("*", f"production-{wanted.model}")
    for where, branch in ((wanted.main, wanted.main), (wanted.production, sample)):
        held = client.read(guard, settings, branches, approvals, branch, wanted)
        judged = audit.moved(where, held, wanted, MEND, is_production=branch != wanted.main)
        found += [_with_reason(one, held.can_delete is None and branches is not None, approvals) for one in judged]
        found.append(_judged_pipeline(client, settings, where))
    model = wanted.models.replace("*", f"{wanted.model}-v1")
    found += _judged_seal(wanted.models, client.read(seal, branches, model))
    for tag in wanted.tags:
        found += _judged_seal(tag, client.read(tag_seal, tags, tag.replace("*", "1")))
    return found


def _protect_settings(client: Client, project: str, wanted: Protection, is_dry: bool) -> list[Change]:
    settings = client.get(project)
    asked: Table = {
        "default_branch": wanted.main,
        "only_allow_merge_if_pipeline_succeeds": True,
        "allow_merge_on_skipped_pipeline": False,
        "merge_method": settings.get("merge_method") if settings.get("merge_method") in UP_TO_DATE else "rebase_merge",
    }
    if settings.get("merge_trains_enabled") is True:
        asked["merge_trains_enabled"] = False
    changes = []
    for key, value in asked.items():
        if settings.get(key) == value:
            continue
        cannot = ""
        if not is_dry:
            try:
                client.put(project, {key: value})
            except ForgeSaysNo as refused:
                cannot = refused.said or refused.what
        changes.append(Change("repository", key, _word(settings.get(key)), _word(value), cannot))
    return changes


def _word(value: object) -> str:
    if value is None:
        return audit.NOT_TOLD
    return value if isinstance(value, str) else str(value).lower()


def _protect_branch(
    client: Client, project: str, there: list[Table], asked: tuple[str, int, int], is_dry: bool
) -> list[Change]:
    name, push, merge = asked
    becomes = f"push {_people(push)}, merge {_people(merge)}, no force push"
    old = next((row for row in there if row.get("name") == name), None)
    if old is None:
        if not is_dry:
            _create(client, project, asked)
        return [Change(name, "protected branch", "open", becomes)]
    if client.read(levels, old) == (push, merge, False):
        return []
    if not is_dry:
        # Only Premium can change who may push; elsewhere it is made anew, and for a moment is not there.
        client.delete(f"{project}/protected_branches/{quote(name, safe='')}")
        _create(client, project, asked)
    return [Change(name, "protected branch", "other people or force push", becomes)]


def _create(client: Client, project: str, asked: tuple[str, int, int]) -> None:
    name, push, merge = asked
    asked_for = {"push_access_level": push, "merge_access_level": merge, "allow_force_push": False}
    client.once(
        lambda: client.post(f"{project}/protected_branches", {"name": name, **asked_for}),
        lambda: next((row for row in client.pages(f"{project}/protected_branches") if row.get("name") == name), None),
    )


def _people(level: int) -> str:
    return {NO_ONE: "nobody", DEVELOPERS: "developers"}.get(level, f"level {level}")


def _protect_approvals(client: Client, project: str, wanted: Protection, is_dry: bool) -> list[Change]:
    there = _approvals(client, project)
    if there is None:
        return [Change("repository", "approvals", "optional", "optional", f"{_PREMIUM}.")]
    settings, rules = there
    asked: Table = {
        "reset_approvals_on_push": True,
        "merge_requests_author_approval": False,
        "disable_overriding_approvers_per_merge_request": True,
    }
    changes = []
    if any(settings.get(key) is not value for key, value in asked.items()):
        if not is_dry:
            client.post(f"{project}/approvals", asked)
        changes.append(Change("repository", "approvals", "can be kept or lowered", "end with a push, by others only"))
    count = client.read(required, rules, wanted.main)
    if count < wanted.approvals:
        if not is_dry:
            _require(client, project, rules, wanted.approvals)
        changes.append(Change("repository", "approvals required", str(count), str(wanted.approvals)))
    return changes


def _require(client: Client, project: str, rules: list[Table], approvals: int) -> None:
    old = next((rule for rule in rules if rule.get("rule_type") == "any_approver"), None)
    asked: Table = {"name": "All Members", "approvals_required": approvals}
    if old is None:
        client.post(f"{project}/approval_rules", {**asked, "rule_type": "any_approver"})
    else:
        client.put(f"{project}/approval_rules/{client.read(number, old, 'id')}", asked)


def _cannot(wanted: Protection) -> list[Change]:
    where = "repository"
    return [
        Change(wanted.models, "update", "developers", "developers", f"{_FORWARD}."),
        Change(where, "deletion", "by maintainers", "by maintainers", f"{_ON_THE_WEB}."),
        Change(where, "update-branch button", "shown", "shown", f"{_REBASE}."),
        Change(where, "the check comes from main's pipeline", "not so", "not so", f"{_OWN_PIPELINE}."),
        Change(
            wanted.production,
            "a new model's branch",
            "pushed",
            "refused",
            "nobody can create a protected branch by git push: open production for a new model before this, "
            "or unprotect it for that moment.",
        ),
    ]


def _listed(client: Client, path: str) -> list[Table] | None:
    try:
        return list(client.pages(path, per_page="100"))
    except NotAllowed as refused:
        if refused.status == 401:
            raise
        return None


def _approvals(client: Client, project: str) -> tuple[Table, list[Table]] | None:
    """Return the settings and rules of approvals; None where this tier or account has none."""
    try:
        return client.get(f"{project}/approvals"), list(client.pages(f"{project}/approval_rules", per_page="100"))
    except (NotAllowed, ForgeSaysNo) as refused:
        if refused.status == 401:
            raise
        return None


def _judged_branch(client: Client, settings: Table, wanted: Protection) -> Finding:
    branch = client.read(text_or_nothing, settings, "default_branch")
    return audit.judged("repository", "default branch", branch == wanted.main, branch or "none", wanted.main, MEND)


def _judged_pipeline(client: Client, settings: Table, where: str) -> Finding:
    what = "the check comes from main's pipeline"
    path = client.read(text_or_nothing, settings, "ci_config_path")
    if "@" in path or path.startswith("https://"):
        return Finding(where, what, "ok", path, "of another project")
    return _unavailable(where, what, _OWN_PIPELINE)


def _unavailable(where: str, what: str, why: str) -> Finding:
    return Finding(where, what, "unavailable", "no such setting", "set", why)


def _with_reason(one: Finding, is_protected: bool, approvals: object) -> Finding:
    if one.what == "deletion" and one.state == "unknown" and is_protected:
        return _unavailable(one.where, one.what, _ON_THE_WEB)
    if one.what in ("approvals", "a push ends approvals") and approvals is None:
        return _unavailable(one.where, one.what, _PREMIUM)
    return one


def _judged_seal(where: str, seal: Seal) -> list[Finding]:
    """Judge what is made once; what GitLab has no setting for is not held against a protected one."""
    found = audit.sealed(where, seal, MEND)
    if seal.can_force is not False:
        return found
    why = {"deletion": _ON_THE_WEB, "update": _FORWARD}
    return [_unavailable(where, one.what, why[one.what]) if one.state != "ok" else one for one in found]
