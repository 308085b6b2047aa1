"""Setting and auditing on Gitea and Forgejo what promotion by pull request needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from gitml.forges import audit
from gitml.forges.answer import Table, number, text, text_or_nothing, texts, truth
from gitml.forges.audit import Guard, Seal
from gitml.forges.base import Change, Finding
from gitml.forges.problems import ForgeSaysNo, NotAllowed

if TYPE_CHECKING:
    from gitml.forges.base import Protection
    from gitml.forges.client import Client

MEND = "gitml forge protect"
_FORWARD = "whoever may create a protected branch may push to it; gitml ci check and gitml model verify see that"
_TAGS = "a tag protection lets the people that it names do all, and everybody else nothing; gitml model verify sees it"
_BUTTON = "an update by merge cannot be switched off; gitml ci check refuses the promotion that it made"
_WORKFLOW = "a pull request's own workflow may report a check of that name"
_METHODS = {
    "allow_merge_commits": "merge",
    "allow_squash_merge": "squash",
    "allow_fast_forward_only_merge": "fast-forward",
    "allow_rebase": "rebase",
    "allow_rebase_explicit": "rebase",
}
_NO_REBASE = ("allow_rebase", "allow_rebase_explicit", "allow_rebase_update")
_ADMINS = ("block_admin_merge_override", "apply_to_admins")
"""What keeps administrators to the rules: Gitea's name, Forgejo's."""


def protect(client: Client, repository: str, wanted: Protection, *, is_dry: bool) -> list[Change]:
    """Set the repository's settings and three branch protections."""
    changes = _protect_settings(client, repository, wanted, is_dry)
    there = {client.read(text, row, "rule_name"): row for row in client.pages(f"{repository}/branch_protections")}
    for pattern, asked in (
        (wanted.main, _moved(wanted)),
        (wanted.production, _moved(wanted)),
        (wanted.models, {"enable_push": True, "enable_force_push": False}),
    ):
        changes += _protect_branch(client, repository, there.get(pattern), pattern, asked, is_dry)
    return [*changes, *_cannot(wanted)]


def verify(client: Client, repository: str, wanted: Protection) -> list[Finding]:
    """Ask for what is set, and judge it."""
    settings = client.get(repository)
    branch = client.read(text_or_nothing, settings, "default_branch")
    found = [audit.judged("repository", "default branch", branch == wanted.main, branch or "none", wanted.main, MEND)]
    button = client.read(truth, settings, "allow_rebase_update")
    found.append(audit.is_so("repository", "update-branch button, by rebase", button, False, MEND))
    found.append(_unavailable("repository", "update-branch button, by merge", _BUTTON))
    protections = _listed(client, repository)
    sample = wanted.production.replace("*", f"production-{wanted.model}")
    methods = client.read(_methods, settings)
    for where, name in ((wanted.main, wanted.main), (wanted.production, sample)):
        guard = client.read(_guard, protections, name, methods, wanted)
        found += audit.moved(where, guard, wanted, MEND, is_production=name != wanted.main)
        found.append(_unavailable(where, "the check comes from main's workflow", _WORKFLOW))
    seal = client.read(_seal, protections, wanted.models.replace("*", f"{wanted.model}-v1"))
    judged = audit.sealed(wanted.models, seal, MEND)
    is_protected = seal.can_delete is False
    found += [
        _unavailable(wanted.models, "update", _FORWARD) if one.what == "update" and is_protected else one
        for one in judged
    ]
    return [*found, *(_unavailable(tag, "made once", _TAGS) for tag in wanted.tags)]


def _protect_settings(client: Client, repository: str, wanted: Protection, is_dry: bool) -> list[Change]:
    settings = client.get(repository)
    asked: Table = {"default_branch": wanted.main, **dict.fromkeys(_NO_REBASE, False)}
    changes = []
    for key, value in asked.items():
        if settings.get(key) == value:
            continue
        cannot = ""
        if not is_dry:
            try:
                client.patch(repository, {key: value})
            except ForgeSaysNo as refused:
                cannot = refused.said or refused.what
        was = settings.get(key)
        changes.append(Change("repository", key, audit.NOT_TOLD if was is None else _word(was), _word(value), cannot))
    return changes


def _word(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower()


def _moved(wanted: Protection) -> Table:
    return {
        "enable_push": False,
        "enable_push_whitelist": False,
        "enable_force_push": False,
        "required_approvals": wanted.approvals,
        "enable_status_check": True,
        "status_check_contexts": [_context(wanted)],
        "block_on_outdated_branch": True,
        "block_on_rejected_reviews": True,
        "dismiss_stale_approvals": True,
        **dict.fromkeys(_ADMINS, True),
    }


def _context(wanted: Protection) -> str:
    """Return a pattern for the check: a workflow's is called ``gitml / gitml (pull_request)``."""
    return f"*{wanted.check}*"


def _protect_branch(
    client: Client, repository: str, old: Table | None, pattern: str, asked: Table, is_dry: bool
) -> list[Change]:
    path = f"{repository}/branch_protections"
    becomes = ", ".join(key for key, value in asked.items() if value)
    if old is None:
        if not is_dry:
            client.once(
                lambda: client.post(path, {"rule_name": pattern, **asked}),
                lambda: next((row for row in client.pages(path) if row.get("rule_name") == pattern), None),
            )
        return [Change(pattern, "branch protection", "open", becomes)]
    new = client.read(_combined, old, asked)
    differing = [key for key, value in new.items() if key in old and old[key] != value]
    if not differing:
        return []
    if not is_dry:
        client.patch(f"{path}/{quote(pattern, safe='')}", new)
    return [Change(pattern, "branch protection", f"other {', '.join(differing)}", becomes)]


def _combined(old: Table, asked: Table) -> Table:
    """Keep what is stricter, and checks that are required beside ours."""
    new = dict(asked)
    if "required_approvals" in asked:
        new["required_approvals"] = max(asked["required_approvals"], number(old, "required_approvals"))
        there = texts(old.get("status_check_contexts"), "status_check_contexts")
        new["status_check_contexts"] = [*there, *(one for one in asked["status_check_contexts"] if one not in there)]
    return new


def _cannot(wanted: Protection) -> list[Change]:
    return [
        Change(wanted.models, "update", "by writers", "by writers", f"{_FORWARD}."),
        *(Change(tag, "made once", "open", "open", f"{_TAGS}.") for tag in wanted.tags),
        Change("repository", "update-branch button, by merge", "shown", "shown", f"{_BUTTON}."),
        Change(wanted.main, "the check comes from main's workflow", "not so", "not so", f"{_WORKFLOW}."),
    ]


def _listed(client: Client, repository: str) -> list[Table] | None:
    try:
        return list(client.pages(f"{repository}/branch_protections"))
    except NotAllowed as refused:
        if refused.status == 401:
            raise
        return None


def _fitting(protections: list[Table], branch: str) -> Table | None:
    """Return the one protection that counts: of the branch's own name, else the first pattern that fits."""
    named = {text(row, "rule_name"): row for row in protections}
    return named.get(branch) or next((row for name, row in named.items() if _fits(branch, name)), None)


def _fits(name: str, pattern: str) -> bool:
    """Say whether Gitea's glob fits: ``*`` stops at ``/``, ``**`` does not."""
    wild = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    return re.fullmatch("".join(wild.get(part, re.escape(part)) for part in parts), name) is not None


def _guard(protections: list[Table] | None, branch: str, methods: tuple[str, ...] | None, wanted: Protection) -> Guard:
    if protections is None:
        return Guard(methods=methods, has_queue=False)
    row = _fitting(protections, branch)
    if row is None:
        return audit.OPEN._replace(methods=methods)
    contexts = (
        texts(row.get("status_check_contexts"), "status_check_contexts") if row.get("enable_status_check") else ()
    )
    has_check = any(wanted.check in one for one in contexts)
    to_admins = [truth(row, key) for key in _ADMINS if key in row]
    spared = () if True in to_admins else ("administrators",)
    return Guard(
        not truth(row, "enable_push"),
        number(row, "required_approvals"),
        truth(row, "dismiss_stale_approvals") is True,
        (wanted.check,) if has_check else contexts,
        truth(row, "block_on_outdated_branch") is True,
        truth(row, "enable_force_push") is True,
        False,
        spared,
        methods,
        False,
    )


def _seal(protections: list[Table] | None, branch: str) -> Seal:
    if protections is None:
        return Seal()
    row = _fitting(protections, branch)
    if row is None:
        return audit.UNSEALED
    return Seal(truth(row, "enable_push") is True, truth(row, "enable_force_push") is True, False, ())


def _methods(settings: Table) -> tuple[str, ...] | None:
    told = {key: truth(settings, key) for key in _METHODS if key in settings}
    if not told:
        return None
    return tuple(dict.fromkeys(_METHODS[key] for key, is_on in told.items() if is_on))


def _unavailable(where: str, what: str, why: str) -> Finding:
    return Finding(where, what, "unavailable", "no such setting", "set", why)
