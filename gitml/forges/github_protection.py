"""Setting and auditing on GitHub what promotion by pull request needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from gitml.forges import audit
from gitml.forges.answer import Table, number, text, text_or_nothing, truth
from gitml.forges.audit import Guard, Seal
from gitml.forges.base import Change, Finding
from gitml.forges.github_rules import (
    bypass,
    combined,
    differences,
    guard,
    has_ref,
    of_branch_protection,
    rulesets,
    seal,
)
from gitml.forges.problems import ForgeSaysNo, NotAllowed

if TYPE_CHECKING:
    from gitml.forges.base import Protection
    from gitml.forges.client import Client

MEND = "gitml forge protect"
_WORKFLOW = "the check comes from main's workflow"
_METHODS = {"allow_merge_commit": "merge", "allow_squash_merge": "squash", "allow_rebase_merge": "rebase"}


class _Effect(NamedTuple):
    """The rules that hold for one ref, and who need not care about which ruleset."""

    rules: list[Table]
    spared: dict[int, tuple[str, ...] | None]


def protect(client: Client, repository: str, wanted: Protection, *, is_dry: bool) -> list[Change]:
    """Set the repository's settings and four rulesets; branch protection where there are no rulesets."""
    changes = _protect_settings(client, repository, wanted, is_dry)
    try:
        there = {text(row, "name"): number(row, "id") for row in _list(client, repository, includes_parents="false")}
    except NotAllowed as refused:
        if refused.status == 401:
            raise
        return [*changes, *_protect_branches(client, repository, wanted, refused, is_dry)]
    for ruleset in rulesets(wanted):
        changes += _protect_by_ruleset(client, repository, ruleset, there.get(ruleset["name"]), is_dry)
    return [*changes, Change(wanted.main, _WORKFLOW, "any workflow", "any workflow", _why_no_workflow())]


def verify(client: Client, repository: str, wanted: Protection) -> list[Finding]:
    """Ask for the rules that hold, from wherever they come, and judge them."""
    settings = client.get(repository)
    found: list[Finding] = client.read(_judged_settings, settings, wanted)
    sample = wanted.production.replace("*", f"production-{wanted.model}")
    for where, branch in ((wanted.main, wanted.main), (wanted.production, sample)):
        effect = _effect(client, repository, branch)
        holds = _guard(client, repository, branch, effect, wanted)
        is_production = branch != wanted.main
        if is_production:
            holds = holds._replace(methods=client.read(_methods, settings, holds.methods))
        found += audit.moved(where, holds, wanted, MEND, is_production=is_production)
        found.append(_judged_workflow(where, effect))
    model = wanted.models.replace("*", f"{wanted.model}-v1")
    found += audit.sealed(wanted.models, _seal(client, _effect(client, repository, model)), MEND)
    return [*found, *_verify_tags(client, repository, wanted)]


def _protect_settings(client: Client, repository: str, wanted: Protection, is_dry: bool) -> list[Change]:
    settings = client.get(repository)
    asked: Table = {"allow_update_branch": False, "default_branch": wanted.main}
    if settings.get("allow_merge_commit") is False and settings.get("allow_squash_merge") is False:
        asked["allow_squash_merge"] = True
    changes = []
    for key, value in asked.items():
        was = settings.get(key)
        if was == value:
            continue
        cannot = "" if is_dry else _set(client, repository, key, value)
        changes.append(
            Change("repository", key, str(was).lower() if was is not None else audit.NOT_TOLD, _w(value), cannot)
        )
    return changes


def _w(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower()


def _set(client: Client, repository: str, key: str, value: object) -> str:
    """Set one field of the repository, and return why that is not possible; empty where it is."""
    try:
        client.patch(repository, {key: value})
    except ForgeSaysNo as refused:
        return refused.said or refused.what
    return ""


def _list(client: Client, repository: str, includes_parents: str) -> list[Table]:
    return list(client.pages(f"{repository}/rulesets", includes_parents=includes_parents, per_page="100"))


def _protect_by_ruleset(
    client: Client, repository: str, wanted: Table, there: int | None, is_dry: bool
) -> list[Change]:
    where = ", ".join(wanted["conditions"]["ref_name"]["include"])
    what, becomes = f"ruleset {wanted['name']!r}", ", ".join(rule["type"] for rule in wanted["rules"])
    path = f"{repository}/rulesets"
    if there is None:
        if not is_dry:
            client.once(lambda: client.post(path, wanted), lambda: _named(client, repository, wanted["name"]))
        return [Change(where, what, "absent", becomes)]
    old = client.get(f"{path}/{there}")
    new = client.read(combined, old, wanted)
    differing = client.read(differences, old, new)
    if not differing:
        return []
    if not is_dry:
        client.put(f"{path}/{there}", new)
    return [Change(where, what, f"other {', '.join(differing)}", becomes)]


def _named(client: Client, repository: str, name: str) -> Table | None:
    return next((row for row in _list(client, repository, "false") if row.get("name") == name), None)


def _why_no_workflow() -> str:
    return (
        "Only an organisation's ruleset can require a workflow of the main branch; "
        "else a pull request's own workflow may report a check of that name."
    )


def _protect_branches(
    client: Client, repository: str, wanted: Protection, refused: NotAllowed, is_dry: bool
) -> list[Change]:
    """Protect the branches that there are: the second choice, which knows no patterns and no tags."""
    why = f"No rulesets here ({refused.said or refused.status}), and branch protection knows "
    changes = []
    for branch in (wanted.main, *_branches(client, repository, wanted.production)):
        changes += _protect_branch(client, repository, branch, wanted, is_dry)
    changes.append(Change(wanted.production, "branches that are still to come", "open", "open", f"{why}no patterns."))
    changes.append(Change(wanted.production, "merge methods", "any", "any", f"{why}none."))
    changes.append(Change(wanted.models, "made once", "open", "open", f"{why}no patterns."))
    return [*changes, Change(", ".join(wanted.tags), "made once", "open", "open", f"{why}no tags.")]


def _branches(client: Client, repository: str, pattern: str) -> list[str]:
    prefix = f"heads/{pattern.partition('*')[0]}"
    found = client.pages(f"{repository}/git/matching-refs/{quote(prefix, safe='')}", per_page="100")
    return [client.read(text, row, "ref").removeprefix("refs/heads/") for row in found]


def _protect_branch(client: Client, repository: str, branch: str, wanted: Protection, is_dry: bool) -> list[Change]:
    path = f"{repository}/branches/{quote(branch, safe='')}/protection"
    try:
        old = _protection(client, path)
    except NotAllowed as refused:
        if refused.status == 401:
            raise
        return [Change(branch, "branch protection", audit.NOT_TOLD, audit.NOT_TOLD, refused.said or refused.what)]
    holds = audit.OPEN if old is None else client.read(of_branch_protection, old)
    wrong = [one.what for one in audit.moved(branch, holds, wanted, MEND, is_production=False) if one.state != "ok"]
    if not wrong:
        return []
    names = list(dict.fromkeys((wanted.check, *(holds.checks or ()))))
    asked: Table = {
        "required_status_checks": {"strict": True, "contexts": names},
        "enforce_admins": True,
        "required_pull_request_reviews": {
            "dismiss_stale_reviews": True,
            "require_code_owner_reviews": False,
            "required_approving_review_count": max(wanted.approvals, holds.approvals or 0),
        },
        "restrictions": None,
        "allow_force_pushes": False,
        "allow_deletions": False,
    }
    if not is_dry:
        client.put(path, asked)
    return [Change(branch, "branch protection", f"other {', '.join(wrong)}", "as gitml needs it")]


def _protection(client: Client, path: str) -> Table | None:
    """Return a branch's classic protection; None where it has none."""
    try:
        found: Table = client.get(path)
    except NotAllowed as refused:
        if refused.status == 404 and "not protected" in refused.said.lower():
            return None
        raise
    return found


def _judged_settings(settings: Table, wanted: Protection) -> list[Finding]:
    button = truth(settings, "allow_update_branch")
    branch = text_or_nothing(settings, "default_branch")
    return [
        audit.judged("repository", "default branch", branch == wanted.main, branch, wanted.main, MEND),
        audit.is_so("repository", "update-branch button", button, False, MEND),
    ]


def _effect(client: Client, repository: str, branch: str) -> _Effect:
    try:
        rules = list(client.pages(f"{repository}/rules/branches/{quote(branch, safe='')}", per_page="100"))
    except NotAllowed as refused:
        if refused.status != 404:
            raise
        rules = []  # a server of one's own that is older than rulesets
    numbers = dict.fromkeys(client.read(number, rule, "ruleset_id") for rule in rules)
    return _Effect(rules, {one: _spared(client, repository, one) for one in numbers})


def _spared(client: Client, repository: str, ruleset: int) -> tuple[str, ...] | None:
    try:
        found: tuple[str, ...] | None = client.read(bypass, client.get(f"{repository}/rulesets/{ruleset}"))
    except NotAllowed:
        return None
    return found


def _guard(client: Client, repository: str, branch: str, effect: _Effect, wanted: Protection) -> Guard:
    if not effect.rules:
        return _guard_by_protection(client, repository, branch)
    holds: Guard = client.read(guard, effect.rules)
    firm = client.read(guard, _firm(effect))
    is_firm = all(one.state == "ok" for one in audit.moved(branch, firm, wanted, MEND, is_production=False))
    return holds._replace(bypass=() if is_firm else _all_spared(effect))


def _firm(effect: _Effect) -> list[Table]:
    """Return the rules that nobody may break."""
    return [rule for rule in effect.rules if effect.spared[rule["ruleset_id"]] == ()]


def _all_spared(effect: _Effect) -> tuple[str, ...] | None:
    if None in effect.spared.values():
        return None
    return tuple(dict.fromkeys(one for people in effect.spared.values() for one in people or ()))


def _guard_by_protection(client: Client, repository: str, branch: str) -> Guard:
    try:
        old = _protection(client, f"{repository}/branches/{quote(branch, safe='')}/protection")
    except NotAllowed as refused:
        if refused.status == 404 and "branch not found" in refused.said.lower():
            return audit.OPEN
        return Guard()
    return audit.OPEN if old is None else client.read(of_branch_protection, old)


def _seal(client: Client, effect: _Effect) -> Seal:
    holds: Seal = client.read(seal, effect.rules)
    is_firm = client.read(seal, _firm(effect)) == Seal(False, False, False, ())
    return holds._replace(bypass=() if is_firm else _all_spared(effect))


def _judged_workflow(where: str, effect: _Effect) -> Finding:
    is_required = any(rule.get("type") == "workflows" for rule in effect.rules)
    if is_required:
        return Finding(where, _WORKFLOW, "ok", "required", "required")
    return Finding(where, _WORKFLOW, "unavailable", "not required", "required", _why_no_workflow())


def _methods(settings: Table, by_rule: tuple[str, ...] | None) -> tuple[str, ...] | None:
    told = {method: truth(settings, key) for key, method in _METHODS.items()}
    if None in told.values():
        return by_rule
    enabled = tuple(method for method, is_on in told.items() if is_on)
    return enabled if by_rule is None else tuple(method for method in enabled if method in by_rule)


def _verify_tags(client: Client, repository: str, wanted: Protection) -> list[Finding]:
    found: list[Finding] = []
    try:
        numbers = [number(row, "id") for row in _list(client, repository, "true") if row.get("target") == "tag"]
        details = [client.get(f"{repository}/rulesets/{one}") for one in numbers]
    except NotAllowed as refused:
        seal = audit.UNSEALED if refused.status == 404 else Seal()
        return [one for tag in wanted.tags for one in audit.sealed(tag, seal, MEND)]
    for tag in wanted.tags:
        ref = "refs/tags/" + tag.replace("*", wanted.model, 1).replace("*", "1")
        fitting = [one for one in details if client.read(has_ref, one, ref)]
        rules = [{**rule, "ruleset_id": one["id"]} for one in fitting for rule in one.get("rules") or []]
        spared = {one["id"]: client.read(bypass, one) for one in fitting}
        found += audit.sealed(tag, _seal(client, _Effect(rules, spared)), MEND)
    return found
