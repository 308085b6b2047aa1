"""The rulesets that gitml wants on GitHub, and what GitHub's rules mean; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitml.forges.answer import Table, inner, number, rows, text, text_or_nothing, texts
from gitml.forges.audit import Guard, Seal, strictest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitml.forges.base import Protection

_PRODUCTION_METHODS = ("merge", "squash")
_QUEUE = "merge_queue"


def rulesets(wanted: Protection) -> list[Table]:
    """Return the rulesets, as GitHub's API takes them."""
    main = _moved(wanted, ())
    production = _moved(wanted, _PRODUCTION_METHODS)
    frozen: list[Table] = [{"type": "update"}, {"type": "deletion"}, {"type": "non_fast_forward"}]
    tags = [pattern for tag in wanted.tags for pattern in (f"refs/tags/{tag}", f"refs/tags/**/{tag}")]
    return [
        _ruleset("gitml: main", "branch", [f"refs/heads/{wanted.main}"], main),
        _ruleset("gitml: production", "branch", [f"refs/heads/{wanted.production}"], production),
        _ruleset("gitml: models", "branch", [f"refs/heads/{wanted.models}"], frozen),
        _ruleset("gitml: model tags", "tag", tags, frozen),
    ]


def combined(there: Table, wanted: Table) -> Table:
    """Return a ruleset that has what `wanted` has, and keeps what is stricter or beside it in the one that is there."""
    old = {text(rule, "type"): rule for rule in rows(there.get("rules") or [])}
    new = {rule["type"]: rule for rule in wanted["rules"]}
    kept = [_stated(rule) for kind, rule in old.items() if kind not in new and kind != _QUEUE]
    rules = [_combined_rule(old[kind], rule) if kind in old else rule for kind, rule in new.items()]
    return {**wanted, "rules": [*rules, *kept]}


def differences(there: Table, wanted: Table) -> list[str]:
    """Return the names of what differs between a ruleset that is there and one that is wanted."""
    found = [name for name in ("target", "enforcement") if there.get(name) != wanted[name]]
    if there.get("bypass_actors") != []:
        found.append("bypass_actors")
    names = inner(inner(there, "conditions"), "ref_name")
    if set(texts(names.get("include"))) != set(wanted["conditions"]["ref_name"]["include"]) or names.get("exclude"):
        found.append("conditions")
    old = {text(rule, "type"): rule for rule in rows(there.get("rules") or [])}
    new = {rule["type"]: rule for rule in wanted["rules"]}
    gone = [kind for kind in old if kind not in new]
    return [*found, *gone, *(kind for kind, rule in new.items() if not _covers(old.get(kind), rule))]


def guard(rules: Sequence[Table]) -> Guard:
    """Return what rules that hold for one branch mean together."""
    return strictest(_guard(rule) for rule in rules)


def seal(rules: Sequence[Table]) -> Seal:
    """Return what rules that hold for one branch or tag mean together, where it is made once."""
    kinds = {text(rule, "type") for rule in rules}
    can_update = "update" not in kinds
    return Seal(can_update, can_update and "non_fast_forward" not in kinds, "deletion" not in kinds, ())


def bypass(ruleset: Table) -> tuple[str, ...] | None:
    """Return who need not care about a ruleset, in words; None where GitHub does not tell this account."""
    if ruleset.get("bypass_actors") is None:
        return None
    actors = rows(ruleset["bypass_actors"], "bypass_actors")
    return tuple(f"{text(actor, 'actor_type')} {actor.get('actor_id') or ''}".strip() for actor in actors)


def has_ref(ruleset: Table, ref: str) -> bool:
    """Say whether an active ruleset's conditions fit a ref."""
    names = inner(inner(ruleset, "conditions"), "ref_name")
    fits = [_fits(ref, pattern) for pattern in texts(names.get("include"), "include")]
    spared = [_fits(ref, pattern) for pattern in texts(names.get("exclude"), "exclude")]
    return text_or_nothing(ruleset, "enforcement") == "active" and any(fits) and not any(spared)


def of_branch_protection(protection: Table) -> Guard:
    """Return what a classic branch protection means."""
    checks = inner(protection, "required_status_checks")
    reviews = protection.get("required_pull_request_reviews")
    reviewed = inner(protection, "required_pull_request_reviews")
    spared = inner(reviewed, "bypass_pull_request_allowances")
    people = [f"{kind[:-1]} {name}" for kind in ("users", "teams", "apps") for name in _names(spared.get(kind))]
    admins = () if _enabled(protection, "enforce_admins") else ("administrators",)
    return Guard(
        reviews is not None,
        number(reviewed, "required_approving_review_count") if "required_approving_review_count" in reviewed else 0,
        reviewed.get("dismiss_stale_reviews") is True,
        _contexts(checks),
        checks.get("strict") is True,
        _enabled(protection, "allow_force_pushes"),
        _enabled(protection, "allow_deletions"),
        (*admins, *people),
        None,
        False,
    )


def _ruleset(name: str, target: str, include: list[str], rules: list[Table]) -> Table:
    return {
        "name": name,
        "target": target,
        "enforcement": "active",
        "bypass_actors": [],
        "conditions": {"ref_name": {"include": include, "exclude": []}},
        "rules": rules,
    }


def _moved(wanted: Protection, methods: tuple[str, ...]) -> list[Table]:
    check: Table = {"context": wanted.check}
    if wanted.app:
        check["integration_id"] = wanted.app
    reviews: Table = {
        "required_approving_review_count": wanted.approvals,
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    }
    if methods:
        reviews["allowed_merge_methods"] = list(methods)
    checks = {
        "strict_required_status_checks_policy": True,
        "do_not_enforce_on_create": True,
        "required_status_checks": [check],
    }
    return [
        {"type": "deletion"},
        {"type": "non_fast_forward"},
        {"type": "pull_request", "parameters": reviews},
        {"type": "required_status_checks", "parameters": checks},
    ]


def _combined_rule(old: Table, new: Table) -> Table:
    there, wanted = inner(old, "parameters"), new.get("parameters")
    if wanted is None:
        return new
    merged = {**there, **{key: value for key, value in wanted.items() if value is not False or key not in there}}
    if "required_approving_review_count" in wanted:
        count = there.get("required_approving_review_count")
        merged["required_approving_review_count"] = max(
            wanted["required_approving_review_count"], count if isinstance(count, int) else 0
        )
    if "allowed_merge_methods" in wanted:
        both = [one for one in texts(there.get("allowed_merge_methods")) if one in wanted["allowed_merge_methods"]]
        merged["allowed_merge_methods"] = both or wanted["allowed_merge_methods"]
    if "required_status_checks" in wanted:
        names = {check["context"] for check in wanted["required_status_checks"]}
        others = [one for one in rows(there.get("required_status_checks") or []) if one.get("context") not in names]
        merged["required_status_checks"] = [*wanted["required_status_checks"], *others]
    return {**new, "parameters": merged}


def _stated(rule: Table) -> Table:
    return {key: rule[key] for key in ("type", "parameters") if key in rule}


def _covers(old: Table | None, new: Table) -> bool:
    """Say whether a rule that is there has all that a wanted one has."""
    if old is None:
        return False
    there = inner(old, "parameters")
    return all(_same(there.get(key), value) for key, value in (new.get("parameters") or {}).items())


def _same(old: Any, new: Any) -> bool:
    if isinstance(new, list):
        return isinstance(old, list) and sorted(map(_known, old)) == sorted(map(_known, new))
    return bool(old == new)


def _known(one: Any) -> str:
    """Return what tells list items apart; what GitHub adds to a check by itself is left out."""
    return f"{one.get('context')} {one.get('integration_id') or ''}" if isinstance(one, dict) else str(one)


def _guard(rule: Table) -> Guard:
    kind, given = text(rule, "type"), inner(rule, "parameters")
    nothing = Guard(False, 0, False, (), False, True, True, (), None, False)
    if kind == "pull_request":
        methods = given.get("allowed_merge_methods")
        return nothing._replace(
            needs_pull_request=True,
            approvals=number(given, "required_approving_review_count"),
            drops_stale=given.get("dismiss_stale_reviews_on_push") is True,
            methods=None if methods is None else texts(methods, "allowed_merge_methods"),
        )
    if kind == "required_status_checks":
        checks = rows(given.get("required_status_checks"), "required_status_checks")
        is_strict = given.get("strict_required_status_checks_policy") is True
        return nothing._replace(checks=tuple(text(check, "context") for check in checks), is_strict=is_strict)
    # `update` leaves nobody who could push or merge at all.
    return nothing._replace(
        can_force=kind not in ("non_fast_forward", "update"),
        can_delete=kind != "deletion",
        has_queue=kind == _QUEUE,
        needs_pull_request=kind == "update",
    )


def _fits(ref: str, pattern: str) -> bool:
    """Say whether a pattern of Ruby's File.fnmatch with FNM_PATHNAME, as GitHub reads it, fits."""
    if pattern == "~ALL":
        return True
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    wild = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}
    return re.fullmatch("".join(wild.get(part, re.escape(part)) for part in parts), ref) is not None


def _contexts(checks: Table) -> tuple[str, ...]:
    named = [text_or_nothing(one, "context") for one in rows(checks.get("checks") or [], "checks")]
    return tuple(dict.fromkeys((*named, *texts(checks.get("contexts"), "contexts"))))


def _enabled(protection: Table, key: str) -> bool:
    return inner(protection, key).get("enabled") is True


def _names(people: object) -> Iterable[str]:
    for one in rows(people or [], "who is spared"):
        yield text_or_nothing(one, "login") or text_or_nothing(one, "slug")
