"""The rule book: what each rule says, and where it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from gitml.config import RULES

if TYPE_CHECKING:
    from gitml.config import Config, Level

Place = Literal["commit", "pre-push", "ci check", "pre-receive"]
PLACES: tuple[Place, ...] = ("commit", "pre-push", "ci check", "pre-receive")
"""``commit`` stands for commit-msg and pre-commit."""

_AT_THE_DESK_TOO = PLACES
_FROM_PUSH_ON: tuple[Place, ...] = ("pre-push", "ci check", "pre-receive")
_ON_RELEASE: tuple[Place, ...] = ("ci check", "pre-receive")
_ON_THE_SERVER: tuple[Place, ...] = ("pre-receive",)
_WITH_THE_DATA: tuple[Place, ...] = ("pre-push", "ci check")


class Rule(NamedTuple):
    """One rule.

    Attributes
    ----------
    id
        Its name in gitml.toml and in every message; it never changes.
    says
        What it asks for, in one line.
    places
        Where it decides.
    """

    id: str
    says: str
    places: tuple[Place, ...]


BOOK = (
    Rule("branch-name", "a branch has one of the known names, and none that is a path in its tree", _FROM_PUSH_ON),
    Rule("commit-prefix", "the first line of a commit begins with one of the prefixes", _AT_THE_DESK_TOO),
    Rule("immutable-model", "models/* and the registry's tags are created once", _FROM_PUSH_ON),
    Rule("promote-shape", "promote/* is one commit on production's tip with the model's tree", _FROM_PUSH_ON),
    Rule("production-tree", "production has released models only, and only goes forward", _FROM_PUSH_ON),
    Rule("lock-forged", "what git keeps of a run is what the run wrote", _AT_THE_DESK_TOO),
    Rule("metric-covered", "every metrics file is the out of a stage", _AT_THE_DESK_TOO),
    Rule("lock-stale", "released results are those of their code, data and parameters", _FROM_PUSH_ON),
    Rule("provenance", "a release says truly which commit, metrics and locks it is made of", _ON_RELEASE),
    Rule("report-complete", "a released experiment's report has every section", _ON_RELEASE),
    Rule("gates", "a released model reaches the metrics that gitml.toml asks for", _ON_RELEASE),
    Rule("approvals", "others than its authors agree before a model goes to production", _ON_THE_SERVER),
    Rule("signed-release", "where gitml.toml asks for it, the tag of a release is signed", _ON_RELEASE),
    Rule("no-large-file", "a large file is DVC's, not git's", _AT_THE_DESK_TOO),
    Rule("clean-notebook", "a notebook is committed without outputs", _AT_THE_DESK_TOO),
    Rule("no-secret", "no token, password or private key is committed", _AT_THE_DESK_TOO),
    Rule("data-present", "the remote has the data of what is pushed", _WITH_THE_DATA),
)
"""The rules in the order of `gitml.config.RULES`."""


def level_at(rule: Rule, place: Place, config: Config) -> Level:
    """Return what happens where a rule is broken at a place; ``off`` where it does not decide.

    A stale lock is a part of working, so that before a push it is only told.
    """
    level = config.level(rule.id)
    if place not in rule.places or level == "off":
        return "off"
    return "warn" if rule.id == "lock-stale" and place == "pre-push" else level


assert tuple(rule.id for rule in BOOK) == RULES
