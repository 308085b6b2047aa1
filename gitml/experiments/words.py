"""How a run compares with main, in the words of its own commit: better, worse or within noise."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.reports.comparison import Comparison

MAIN = "Main"
"""The trailer that says it."""


def words(comparison: Comparison) -> str:
    """Return the words of a comparison that has any: ``a3f29c1d20 roc_auc better, log_loss within noise``."""
    said = [f"{one.name} {one.word}" for one in comparison.changes if one.interval is not None]
    return f"{comparison.commit[:10]} {', '.join(said)}" if said else ""


def word_in(trailer: str, commit: str, metric: str) -> str:
    """Return the word that a trailer has for a metric, against one commit of main; empty where it has none."""
    against, _, said = trailer.partition(" ")
    if not against or not commit.startswith(against):
        return ""
    found = (one.partition(" ") for one in said.split(", "))
    return next((word for name, _, word in found if name == metric), "")
