"""What ``gitml init`` shows of a repository that it is added to, and of one that it is taken out of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.cli.terminal import WIDTH, filled, printable
from gitml.experiments.shown import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gitml.hooks.install import Step
    from gitml.scaffold.adoption import Plan
    from gitml.scaffold.adoption_notes import Note
    from gitml.scaffold.changes import Change
    from gitml.scaffold.dvc_experiments import Offer
    from gitml.scaffold.removal import Removal

LONGEST_NAME = 24
"""Letters of an experiment's name; the branch has all that a branch may have."""

_VERBS = {
    "write": ("write", "wrote"),
    "rewrite": ("change", "changed"),
    "keep": ("keep", "kept"),
    "remove": ("remove", "removed"),
    "make": ("make", "made"),
    "restore": ("put back", "put back"),
}


class Adopted(NamedTuple):
    """What is shown together.

    Attributes
    ----------
    plan
        What is done, or would be.
    experiments, chosen
        Those of ``dvc exp``, and which of them become branches.
    metric, values
        What they are ranked by, and its values by DVC's commits.
    is_done
        Whether it was done.
    """

    plan: Plan
    experiments: Sequence[Offer]
    chosen: Sequence[Offer]
    metric: str
    values: Mapping[str, float]
    is_done: bool = False


def preview(shown: Adopted) -> str:
    """Return what would be done, with every byte that would be written."""
    plan = shown.plan
    lines = [_headline(plan)]
    for one in plan.changes:
        if one.does == "write":
            lines += _block(f"would write {one.path}", one.content.decode("utf-8", "replace"))
        elif one.does == "rewrite":
            lines += _block(f"would change {one.path}", one.difference)
    lines += _steps(plan, is_done=False)
    lines += [line for note in plan.notes for line in _note(note)]
    lines += _experiments(shown)
    lines += [f"would make {short(one.branch)} of {one.name}" for one in shown.chosen if not one.is_there]
    return "\n".join(map(printable, lines))


def adopted(shown: Adopted) -> str:
    """Return what was done."""
    lines = _steps(shown.plan, is_done=True, has_differences=True)
    lines += [f"made {short(one.branch)} of {one.name}" for one in shown.chosen]
    return "\n".join(map(printable, lines))


def adopted_as_json(shown: Adopted, commands: Sequence[str]) -> str:
    """Return all of it for a program."""
    plan = shown.plan
    data = {
        "is_done": shown.is_done,
        "main": plan.found.main,
        "dvc": bool(plan.found.tree.dvc),
        "begins_dvc": plan.begins_dvc,
        "files": _files_as_data(plan.changes),
        "hooks": _hooks_as_data(plan.hooks),
        "settings": dict(plan.settings),
        "rules": plan.rules,
        "notes": _notes_as_data(plan.notes),
        "experiments": [_as_data(one, shown) for one in shown.experiments],
        "next": list(commands),
    }
    return json.dumps(data, indent=2)


def removed(plan: Removal, is_done: bool) -> str:
    """Return what was taken out, or would be, and what is kept."""
    lines = []
    for one in plan.changes:
        lines += _block(f"{_verb(one.does, is_done)} {one.path}", one.difference)
    lines += [f"{_verb(step.does, is_done)} {step.what}" for step in plan.hooks]
    lines += [f"{'unset' if is_done else 'would unset'} git config {key}" for key in plan.settings]
    verb = "deleted" if is_done else "would delete"
    lines += [f"{verb} {short(one.branch)}: dvc exp keeps it as {one.name}" for one in plan.branches]
    if plan.ends_dvc:
        lines.append(f"{'removed' if is_done else 'would remove'} .dvc: gitml began it, and it was not used")
    lines = lines or ["nothing of gitml is here"]
    return "\n".join(map(printable, [*lines, *(line for note in plan.notes for line in _note(note))]))


def removed_as_json(plan: Removal, commands: Sequence[str], is_done: bool) -> str:
    """Return all of it for a program."""
    branches = [{"branch": short(one.branch), "commit": one.tip, "name": one.name} for one in plan.branches]
    data = {
        "is_done": is_done,
        "files": _files_as_data(plan.changes),
        "hooks": _hooks_as_data(plan.hooks),
        "settings": list(plan.settings),
        "branches": branches,
        "ends_dvc": plan.ends_dvc,
        "notes": _notes_as_data(plan.notes),
        "next": list(commands),
    }
    return json.dumps(data, indent=2)


def short(ref: str) -> str:
    """Return a branch as people write it."""
    return ref.removeprefix("refs/heads/")


def _headline(plan: Plan) -> str:
    found = plan.found
    what = "a git repository" + (" with DVC" if found.tree.dvc and not plan.begins_dvc else "")
    count = len(found.names.local)
    return f"{what}, main branch {found.main}" + (f", {count} branches" if count > 1 else "")


def _block(head: str, text: str) -> list[str]:
    return [head, *(f"  {line}".rstrip() for line in text.splitlines())]


def _steps(plan: Plan, is_done: bool, has_differences: bool = False) -> list[str]:
    lines = []
    if plan.begins_dvc:
        lines.append("did dvc init" if is_done else "would do dvc init")
    for one in plan.changes if has_differences else ():
        if one.does != "keep":
            lines += _block(f"{_verb(one.does, is_done)} {one.path}", one.difference)
    lines += [f"{_verb(step.does, is_done)} {step.what}" for step in plan.hooks]
    lines += [f"{'set' if is_done else 'would set'} git config {key} {value}" for key, value in plan.settings]
    return lines


def _verb(does: str, is_done: bool) -> str:
    future, past = _VERBS[does]
    return past if is_done else f"would {future}"


def _note(note: Note) -> list[str]:
    lines = f"note  {filled(note.says, ' ' * 6)[6:]}".split("\n")
    lines += filled(note.why, " " * 6).split("\n") if note.why else []
    return [*lines, *(f"        {command}" for command in note.mend)]


def _experiments(shown: Adopted) -> list[str]:
    if not shown.experiments:
        return []
    head = shown.metric.rpartition(":")[2].rpartition(".")[2].upper()
    rows = [("DVC EXP", "BASELINE", head, "BRANCH")]
    for one in shown.experiments:
        value = shown.values.get(one.oid)
        branch = short(one.branch) + ("   is there" if one.is_there else "")
        name = cut(printable(one.name), LONGEST_NAME)
        rows.append((name, one.baseline[:7], "" if value is None else f"{value:.4g}", branch))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]), row[3]]
        lines.append("  ".join(cell for cell, width in zip(cells, (*widths, 1), strict=True) if width).rstrip())
    lines = [cut(line, WIDTH) for line in lines]
    renamed = [one for one in shown.experiments if one.why and not one.is_there]
    return lines + [f"  {cut(printable(one.name), LONGEST_NAME)}: {one.why}" for one in renamed]


def _as_data(one: Offer, shown: Adopted) -> dict[str, Any]:
    is_chosen = one in shown.chosen
    return {
        "name": one.name,
        "ref": one.ref,
        "commit": one.oid,
        "baseline": one.baseline,
        "branch": short(one.branch),
        "is_branch": one.is_there or (shown.is_done and is_chosen),
        "is_chosen": is_chosen,
        "why": one.why,
        "metric": shown.metric,
        "value": shown.values.get(one.oid),
    }


def _files_as_data(changes: Iterable[Change]) -> list[dict[str, str]]:
    return [
        {
            "path": one.path,
            "does": one.does,
            "content": one.content.decode("utf-8", "replace"),
            "difference": one.difference,
        }
        for one in changes
    ]


def _hooks_as_data(steps: Iterable[Step]) -> list[dict[str, str]]:
    return [{"does": step.does, "name": step.name, "what": step.what} for step in steps]


def _notes_as_data(notes: Iterable[Note]) -> list[dict[str, Any]]:
    return [{**note._asdict(), "mend": list(note.mend)} for note in notes]
