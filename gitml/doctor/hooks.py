"""Whether the hooks that keep the conventions run in this clone."""

from __future__ import annotations

import os
from pathlib import Path

from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, Fix, NotMended, and_more, go_to, shortened
from gitml.errors import GitmlError
from gitml.hooks import install as installation
from gitml.hooks.install import Hook, NoHooksHere, Place

CHECK = "hooks"
_WHY = "A wrong message, name or file is then found on the server only, or not at all."


def hooks(clone: Clone) -> list[Finding]:
    """Judge the hooks of this clone, or of this bare repository; nothing inside of ``.git``."""
    try:
        place = installation.find(clone.folder)
    except NoHooksHere:
        return []
    found = installation.status(place)
    try:
        steps = installation.plan_install(place)
    except GitmlError as error:
        findings = [_refused(place, found, error)]
    else:
        fixes = (_fix(clone),) if steps and _may_install(place) else ()
        findings = [_judge(place, found, fixes)] if steps or any(hook.state == "replaced" for hook in found) else []
    findings += _shadowed(place) + _of_other_worktrees(clone, place)
    return findings or [Finding(CHECK, "ok", _says(place, found))]


def _judge(place: Place, found: list[Hook], fixes: tuple[Fix, ...]) -> Finding:
    is_server = place.hooks == installation.SERVER_HOOKS
    mend = (f"gitml hooks install{' --server' if is_server else ''}",)
    absent = [hook.name for hook in found if hook.state in ("absent", "replaced")]
    if len(absent) == len(found):
        where = "this repository" if is_server else "this clone"
        what = "pre-receive is" if is_server else "gitml's hooks are"
        return Finding(CHECK, "warning", f"{what} not installed in {where}", _WHY, mend, fixes)
    if absent:
        verb = "are" if len(absent) > 1 else "is"
        return Finding(CHECK, "warning", f"{and_more(absent)} {verb} not installed", _WHY, mend, fixes)
    outdated = [hook.name for hook in found if hook.state == "outdated"] or [hook.name for hook in found]
    why = "They were written by another gitml, name a Python that is not this one, or cannot be run."
    verb = "are" if len(outdated) > 1 else "is"
    return Finding(CHECK, "warning", f"{and_more(outdated)} {verb} outdated", why, mend, fixes)


def _refused(place: Place, found: list[Hook], error: GitmlError) -> Finding:
    if all(hook.state in ("installed", "behind") for hook in found):
        return Finding(CHECK, "warning", error.what, error.why, error.mend)
    replaced = [hook.name for hook in found if hook.state == "replaced"]
    if replaced:
        verb = "were" if len(replaced) > 1 else "was"
        says = f"{and_more(replaced)} {verb} put over gitml's, which no longer runs"
        return Finding(CHECK, "warning", says, error.why, error.mend)
    return Finding(CHECK, "warning", f"not installed: {error.what}", error.why, error.mend)


def _shadowed(place: Place) -> list[Finding]:
    if not place.shadowed or place.hooks_path is None:
        return []
    value, level = place.hooks_path
    verb = "are" if len(place.shadowed) > 1 else "is"
    says = f"{and_more(place.shadowed)} in .git/hooks {verb} never run"
    why = f"core.hooksPath is {shortened(value)} ({level} configuration): git looks for hooks there and nowhere else."
    scope = level if level in ("global", "system", "worktree") else "local"
    return [Finding(CHECK, "warning", says, why, (f"git config --{scope} --unset core.hooksPath",))]


def _of_other_worktrees(clone: Clone, place: Place) -> list[Finding]:
    """Judge a relative ``core.hooksPath``, which each working tree resolves by itself."""
    if place.hooks_path is None or os.path.isabs(os.path.expanduser(place.hooks_path[0])):
        return []
    value = place.hooks_path[0]
    without = [
        tree.path
        for tree in clone.worktrees
        if not tree.is_bare and not tree.is_gone and tree.path != clone.repository.root
        if not any(os.path.isfile(tree.path / value / name) for name in place.hooks)
    ]
    if not without:
        return []
    names = and_more([path.name for path in without])
    why = f"core.hooksPath is {shortened(value)}, which is relative: each worktree looks in a folder of its own."
    mend = tuple(f"{go_to(clone.here, path)}gitml hooks install" for path in without)
    return [Finding(CHECK, "warning", f"no hook runs in the worktree {names}", why, mend)]


def _fix(clone: Clone) -> Fix:
    def install() -> None:
        place = installation.find(clone.folder)
        if not _may_install(place):
            raise NotMended("core.hooksPath was changed meanwhile")
        installation.carry_out(installation.plan_install(place), place)

    return Fix("install gitml's hooks", install)


def _may_install(place: Place) -> bool:
    """Say whether hooks go to git's own folder: in a clone, and not among the files that people commit."""
    is_git_s_own = place.hooks_path is None or ".git" in Path(place.shown).parts
    return place.hooks == installation.HOOKS and is_git_s_own


def _says(place: Place, found: list[Hook]) -> str:
    behind = [hook.name for hook in found if hook.state == "behind"]
    chained = f"; another manager's {and_more(behind)} calls gitml's" if behind else ""
    return f"{and_more([hook.name for hook in found])} installed{chained}"
