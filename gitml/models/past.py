"""What production had, and to which of it there is a way back."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from gitml.errors import WrongUsage
from gitml.models import registry, upstream

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.models.registry import Deployment, Registry, Release


class NoWayBack(WrongUsage):
    """There is nothing to go back to, or not to what was named."""


def history(model: str, known: Registry, at: Path | None = None) -> list[Deployment]:
    """Return production's history, the newest first, each with the release whose tree it has.

    Who merges by a button writes no trailer; a tree is of one release only.
    """
    found = registry.deployments(known.production(model), at)
    of_model = [one for version, one in known.releases.items() if version.model == model]
    trees = registry.trees_of([one.commit for one in of_model], at)
    by_tree = {trees[one.commit]: one.version for one in of_model}
    return [one._replace(version=by_tree.get(one.tree)) for one in found]


def is_merged(commit: str, production: str | None, at: Path | None = None) -> bool:
    """Say whether a promotion was merged, in whatever way: what followed on its parent has its tree.

    Parameters
    ----------
    commit, production
        Full ids of the promotion's commit and of production's tip; None where there is no such branch.
    at
        As for `gitml.git.command.git`.
    """
    parent = registry.first_parents([commit], at).get(commit)
    found = registry.deployments(production, at)
    followed = next((new for new, old in pairwise(found) if old.commit == parent), None)
    return followed is not None and followed.tree == registry.trees_of([commit], at)[commit]


def way_back(text: str | None, model: str, known: Registry, at: Path | None = None) -> Release:
    """Return the release to which production goes back.

    Raises
    ------
    NoWayBack
        Production never had it, or had nothing before.
    """
    past = history(model, known, at)
    if text is not None:
        found = registry.find(text, known, model)
        if all(one.version != found.version for one in past):
            raise NoWayBack(
                f"{found.version} was never in production",
                "A way back leads to what was there. Whatever is new goes by a promotion, through the gates.",
                (f"gitml model promote {found.version}",),
            )
        return found
    now = past[0].version if past else None
    for one in past[1:]:
        if one.version is not None and one.version != now and known.releases[one.version].yanked is None:
            return known.releases[one.version]
    raise NoWayBack(
        f"there is nothing to go back to: {upstream.production_branch(model)} had no other model that still counts",
        "",
        ("gitml model list",),
    )
