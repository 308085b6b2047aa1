"""Evidence as Markdown for a pull request on GitHub, GitLab and Gitea: text, tables, lists and images, and no HTML.

Whatever a repository says comes out as text: names and values as code, sentences with their markup escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.conventions.shell import command
from gitml.models import evidence_tables as tables
from gitml.models.evidence_tables import MOST_LINES, code, cut, metric
from gitml.models.evidence_verdict import sentence
from gitml.reports.forge_text import LARGEST, fitted, quiet
from gitml.reports.markdown import figure, plain, table

if TYPE_CHECKING:
    from gitml.models.evidence_gates import Gates
    from gitml.models.evidence_values import Evidence

MOST_METRICS, MOST_NOTES, MOST_NAMED = 20, 20, 3


def as_markdown(evidence: Evidence, *, image_base: str = "", marker: str = "") -> str:
    """Return evidence as the body of a pull request or comment, short enough for every forge.

    Parameters
    ----------
    evidence
        What is told.
    image_base
        Where the files of the release are, as `gitml.reports.forge_text.image_base` has it; empty where images cannot
        be shown, and then tables stand for them.
    marker
        A comment of HTML, on one line, by which the text is found again; it stands at the end.
    """
    sections = [
        _metrics(evidence),
        _gates(evidence.gates),
        _notes(evidence),
        tables.slices(evidence),
        tables.calibration(evidence, has_images=bool(image_base and evidence.pictures)),
        tables.lineage(evidence),
        tables.params(evidence),
        tables.data(evidence),
        tables.code_changes(evidence),
        tables.plots(evidence, image_base),
    ]
    room = LARGEST - len(marker.encode()) - 3
    body = fitted(quiet(_first(evidence)), map(quiet, sections), quiet(_checklist(evidence)), room)
    return f"{body}\n\n{marker}\n" if marker else f"{body}\n"


def _first(evidence: Evidence) -> str:
    champion = evidence.champion.name if evidence.champion is not None else ""
    said = sentence(evidence.verdict, evidence.challenger.name, champion, code, plain)
    return f"{said} {_gates_in_words(evidence.gates)}"


def _gates_in_words(gates: Gates) -> str:
    if gates.level == "off":
        return "The gates are turned off."
    if not gates.results:
        return "No gates are set."
    if gates.is_passed:
        return "The gates pass."
    names = list(dict.fromkeys(one.metric for one in gates.results if one.verdict == "failed"))
    named = ", ".join(map(code, names[:MOST_NAMED])) + (
        f" and {len(names) - MOST_NAMED} more" * (len(names) > MOST_NAMED)
    )
    told = (
        f"The gate on {named} fails" if len(names) == 1 else f"The gates on {named} fail" if names else "The gates fail"
    )
    return f"{told}{', which only warns' if gates.level == 'warn' else ''}."


def _metrics(evidence: Evidence) -> str:
    changes = sorted(
        evidence.comparison.changes, key=lambda one: (one != evidence.verdict.change, one.interval is None)
    )
    if not changes:
        return "### Metrics\n\nThere are none."
    new, old = plain(evidence.challenger.name), plain(evidence.comparison.name)
    if evidence.champion is None:
        lines = table(("metric", new), [(code(one.name), figure(one.now)) for one in changes[:MOST_METRICS]], (1,))
        return cut(f"### Metrics\n\n{lines}", len(changes), "metrics", MOST_METRICS)
    if evidence.verdict.outcome == "other data":
        why = (
            f"Not compared: {plain(evidence.verdict.why)}. {code('gitml exp list --rescore')} measures both on main's."
        )
        rows = [(code(one.name), figure(one.now), figure(one.before)) for one in changes[:MOST_METRICS]]
        lines = table(("metric", new, f"{old}, other test data"), rows, (1, 2))
        return cut(f"### Metrics\n\n{why}\n\n{lines}", len(changes), "metrics", MOST_METRICS)
    lines = table(("metric", new, old, "change", "95 % interval", ""), map(metric, changes[:MOST_METRICS]), range(1, 5))
    parts = [cut(f"### Metrics\n\n{lines}", len(changes), "metrics", MOST_METRICS)]
    if evidence.comparison.note:
        parts.append(
            f"No intervals: {plain(evidence.comparison.note)}. *higher* and *lower* claim no more than they say."
        )
    elif any(one.interval is not None for one in changes):
        parts.append(
            "Intervals: both models on the same resampled test rows, whole blocks at a time. *better* and *worse* are "
            "said only of an interval without zero."
        )
    return "\n\n".join([*parts, *_mcnemar(evidence)])


def _mcnemar(evidence: Evidence) -> list[str]:
    test = evidence.mcnemar
    if test is None or evidence.champion is None or not test.only_now + test.only_before:
        return []
    new, old = plain(evidence.challenger.name), plain(evidence.champion.name)
    return [
        f"Classes: only {new} is right on {test.only_now:,} test rows, only {old} on {test.only_before:,}. McNemar's "
        f"test: exact p {_p(test.exact)}, mid-p {_p(test.mid_p)}. It takes rows as independent; rows of one day are "
        "not, so the words above go by the intervals."
    ]


def _p(value: float) -> str:
    return "below 0.0001" if value < 1e-4 else f"{value:.4f}"


def _gates(gates: Gates) -> str:
    parts = []
    if gates.level != "error":
        parts.append(f"The rule {code('gates')} is at {code(gates.level)} in main's gitml.toml.")
    if gates.results:
        rows = [
            (
                code(one.metric),
                one.bound,
                figure(one.figure),
                figure(one.limit),
                f"**{one.verdict}**" if one.verdict == "failed" else one.verdict,
                plain("; ".join(filter(None, (one.why, one.source)))),
            )
            for one in gates.results[:MOST_LINES]
        ]
        lines = table(("metric", "bound", "figure", "limit", "", "why, and who says so"), rows, (2, 3))
        parts.append(cut(lines, len(gates.results), "bounds"))
    else:
        parts.append("main's gitml.toml sets none.")
    told = {one.why for one in gates.results}
    said = [said for said in (*gates.refused[:MOST_LINES], gates.report) if said and said not in told]
    if said:
        parts.append("\n".join(f"- {plain(each)}" for each in said))
    return "\n\n".join(("### Gates", *parts))


def _notes(evidence: Evidence) -> str:
    if not evidence.notes:
        return ""
    lines = "\n".join(f"- {plain(note)}" for note in evidence.notes[:MOST_NOTES])
    return cut(f"### Take note\n\n{lines}", len(evidence.notes), "notes", MOST_NOTES)


def _checklist(evidence: Evidence) -> str:
    report = f" ({code(evidence.report)})" if evidence.report else ", which this release does not have"
    state = f": {plain(evidence.gates.report)}" if evidence.gates.report and evidence.report else ""
    back = (
        command(("gitml", "model", "rollback", "--to", _version(evidence.champion.name), "--reason", "…"))
        if evidence.champion
        else ""
    )
    lines = [
        f"- [ ] I read the experiment's report{report}{state}",
        "- [ ] I looked at the slices and know whom a wrong prediction hurts",
        f"- [ ] I know the way back: {code(back)}"
        if back
        else "- [ ] I know that there is no way back: nothing was in production before",
    ]
    return "\n".join(("### What a reviewer owes", "", *lines))


def _version(name: str) -> str:
    """Return ``v3`` for ``model-v3``; the whole name for another model's."""
    return name.removeprefix("model-") if name.startswith("model-v") else name
