"""Which parameter or metric somebody means by the end of its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitml.errors import WrongUsage


class UnknownName(WrongUsage):
    """A name means nothing in any run, or more than one thing."""

    def __init__(self, name: str, candidates: tuple[str, ...], near: tuple[str, ...]) -> None:
        if candidates:
            shown = ", ".join(candidates[:8])
            super().__init__(f"{name!r} may mean {len(candidates)} things", f"Write one of {shown}.")
        else:
            why = f"Did you mean {' or '.join(near)}?" if near else "gitml exp list --json shows what there is."
            super().__init__(f"no run has a parameter or metric {name!r}", why)
        self.candidates = candidates
        self.near = near


def find_name(name: str, known: Iterable[str], rows: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the name that is meant: itself, or the only one that ends with its parts.

    Parameters
    ----------
    name
        What somebody wrote.
    known
        All names that there are.
    rows
        The values of all runs. Several names that have the same value in each, as YAML's aliases do, are
        one; the shortest is taken.

    Raises
    ------
    UnknownName
        None does, or several do.

    >>> find_name("lr", ["train.mlp.lr", "roc_auc"])
    'train.mlp.lr'
    """
    names = list(dict.fromkeys(known))
    if name in names:
        return name
    ends = [one for one in names if one.endswith((f".{name}", f":{name}"))]
    if len(ends) == 1 or (rows and all(len({str(row.get(end)) for end in ends}) <= 1 for row in rows) and ends):
        return min(ends, key=len)
    if ends:
        raise UnknownName(name, tuple(ends), ())
    from difflib import get_close_matches

    lasts: dict[str, str] = {}
    for one in names:
        if ":" in one and one.rpartition(":")[2] in names:
            continue
        lasts.setdefault(one, one)
        lasts.setdefault(one.rpartition(".")[2], one)
    near = [lasts[one] for one in get_close_matches(name, lasts, n=3)]
    raise UnknownName(name, (), tuple(dict.fromkeys(near)))
