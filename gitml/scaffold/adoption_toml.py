"""The gitml.toml of an adopted repository: what is known, and what only a person can say as comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml import config
from gitml.conventions import branches, commits
from gitml.conventions.shell import printable
from gitml.scaffold import adoption_rules, blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.scaffold.adoption_rules import Patterns, Style
    from gitml.scaffold.adoption_survey import Survey

MOST_METRICS = 8
"""Metrics that are offered."""

_LOWER = (
    frozenset(("loss", "nll", "logloss", "log_loss", "cross_entropy", "crossentropy", "error", "err", "rmse", "mse"))
    | frozenset(("mae", "mape", "smape", "msle", "rmsle", "brier", "brier_score", "ece", "perplexity", "ppl", "wer"))
    | frozenset(("cer", "fid", "deviance"))
)
_HIGHER = (
    frozenset(("accuracy", "acc", "auc", "roc_auc", "auroc", "pr_auc", "average_precision", "ap", "map", "f1"))
    | frozenset(("f1_score", "f_score", "fbeta", "precision", "recall", "r2", "r2_score", "score", "mcc", "kappa"))
    | frozenset(("iou", "miou", "dice", "bleu", "rouge", "ndcg", "mrr", "top1", "top5", "balanced_accuracy"))
    | frozenset(("sensitivity", "specificity"))
)
_OF_A_SPLIT = ("test", "val", "valid", "validation", "eval", "train")


def write(found: Survey) -> bytes:
    """Return the gitml.toml for what was found; it can be read, whatever the names in it are."""
    extra = adoption_rules.patterns(found.names.branches, found.main)
    lines = ["# What this project decides about gitml; `gitml rules` shows what each rule says.", ""]
    lines += [*_metric(found.tree.metrics), *_branches(extra), *_commits(adoption_rules.style(found.commits))]
    lines += _rules(adoption_rules.warnings(found, extra))
    if found.commit:
        lines += ["[adoption]", f'since = "{found.commit}"   # this commit, and what it came from, is not judged']
    content = blocks.sealed("\n".join(lines).rstrip("\n") + "\n")
    config.parse(content)
    return content


def direction(name: str) -> str:
    """Return which of a metric is better, ``higher`` or ``lower``, as its name says; empty where it does not.

    >>> direction("test.log_loss"), direction("valid/roc_auc"), direction("rows")
    ('lower', 'higher', '')
    """
    word = name.rpartition(":")[2].replace("/", ".").rpartition(".")[2].lower().replace("-", "_")
    candidates = (
        word,
        *(word.removeprefix(f"{part}_") for part in _OF_A_SPLIT),
    )
    if _LOWER.intersection(candidates) or word.endswith(("_loss", "_error")):
        return "lower"
    return "higher" if _HIGHER.intersection(candidates) else ""


def _metric(names: tuple[str, ...]) -> list[str]:
    can_be_named = [name for name in names if name.isprintable()]
    if not can_be_named:
        return []
    if len(can_be_named) == 1 and direction(can_be_named[0]):
        name = can_be_named[0]
        return ["[metric]", f"name = {_text(name)}", f'direction = "{direction(name)}"', ""]
    lines = ["# Runs are ranked by one metric. Take the # away from one name, and say which is better.", "# [metric]"]
    for name in can_be_named[:MOST_METRICS]:
        lines.append(f"# name = {_text(name)}")
    if len(can_be_named) > MOST_METRICS:
        lines.append(f"#   and {len(can_be_named) - MOST_METRICS} more: gitml exp show HEAD")
    return [*lines, f'# direction = "{direction(can_be_named[0]) or "higher"}"   # or "{_other(can_be_named[0])}"', ""]


def _other(name: str) -> str:
    return "higher" if direction(name) == "lower" else "lower"


def _branches(extra: Patterns) -> list[str]:
    if not extra.extra or len(extra.extra) > adoption_rules.MOST_PATTERNS:
        return []
    names = ", ".join(map(_text, (*branches.EXTRA, *extra.extra)))
    return [
        "[branches]",
        "# Names that a branch may have besides gitml's own; the last are those that were here.",
        f"extra = [{names}]",
        "",
    ]


def _commits(style: Style) -> list[str]:
    if not style.prefixes:
        return []
    own = [prefix.name for prefix in commits.PREFIXES]
    names = ", ".join(map(_text, dict.fromkeys((*style.prefixes, *own))))
    says = [
        f"# {style.written} of the last {style.of} commits begin with such a word. To keep them, and refuse others:"
    ]
    if style.has_scopes:
        says += ["# (a scope, as in feat(api):, is none of the rule's forms: leave commit-prefix a warning then)"]
    return [*says, "# [commits]", f"# prefixes = [{names}]", ""]


def _rules(why: dict[str, str]) -> list[str]:
    if not why:
        return []
    longest = max(map(len, why))
    lines = [f'{rule} = "warn"{" " * (longest - len(rule))}   # {_comment(said)}' for rule, said in why.items()]
    return ["[rules]", "# What was here breaks these. They warn until: gitml rules enforce", *lines, ""]


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in printable(text))


def _text(value: str) -> str:
    import tomlkit

    return tomlkit.item(value).as_string()


def shown_prefix(style: Style, warned: Iterable[str]) -> str:
    """Return the prefix of the commit that adds gitml, as the people here would write it."""
    own = [prefix.name for prefix in commits.PREFIXES]
    theirs = [name for name in ("chore", "build", "ci") if name in style.prefixes]
    return theirs[0] if theirs and "commit-prefix" in warned else own[-1]
