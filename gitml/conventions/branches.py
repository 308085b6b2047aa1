"""The names of branches, and a right one for a wrong one."""

from __future__ import annotations

from gitml.conventions.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    Kind = Literal["main", "experiment", "model", "promotion", "production"]

DEFAULT_MODEL = "model"
MAIN = "main"
LONGEST_SLUG = 64
EXTRA = ("infra/*", "data/*", "revert-*", "dependabot/*")
"""Patterns that are right without a gitml.toml: two prefixes, and the forges' and bots' own names."""

_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_SLUG = _FIRST | frozenset("._-")
_MODEL = _FIRST | frozenset("_-")
_NOT_IN_A_REF = frozenset(" ~^:?*[\\\x7f") | frozenset(map(chr, range(32)))
_LONGEST_NUMBER = 9
_FOLDERS = {
    "exp": "experiments",
    "experiment": "experiments",
    "feat": "experiments",
    "feature": "experiments",
    "try": "experiments",
    "model": "models",
    "promotion": "promote",
    "promotions": "promote",
    "prod": "production",
}
"""What people write for the folders that there are."""


class BranchName(Frozen):
    """A branch that has a meaning here.

    Attributes
    ----------
    kind
        What the branch is.
    name
        An experiment's slug, or the model; empty for main.
    number
        N of a model or a promotion, from 1; 0 for the others.
    """

    kind: Kind
    name: str = ""
    number: int = 0

    def __str__(self) -> str:
        """Return the short name, without ``refs/heads/``."""
        if self.kind == "experiment":
            return f"experiments/{self.name}"
        if self.kind == "model":
            return f"models/{self.name}-v{self.number}"
        if self.kind == "promotion":
            return f"promote/{self.name}-v{self.number}"
        return f"production/production-{self.name}" if self.kind == "production" else MAIN


def parse(text: str) -> BranchName | None:
    """Return what the short name of a branch means, or None where it has no meaning here.

    >>> parse("models/churn-v12")
    BranchName(kind='model', name='churn', number=12)
    """
    if text == MAIN:
        return BranchName("main")
    folder, _, rest = text.partition("/")
    if not is_slug(rest):
        return None
    if folder == "experiments":
        return BranchName("experiment", rest)
    if folder == "production":
        model = rest.removeprefix("production-")
        return BranchName("production", model) if model != rest and is_model(model) else None
    if folder in ("models", "promote"):
        model, separator, digits = rest.rpartition("-v")
        number = number_in(digits)
        if separator and is_model(model) and number:
            return BranchName("model" if folder == "models" else "promotion", model, number)
    return None


def is_slug(text: str) -> bool:
    """Say whether `text` may follow a folder: ``[a-z0-9][a-z0-9._-]{0,63}``, and git agrees."""
    return (
        0 < len(text) <= LONGEST_SLUG
        and text[0] in _FIRST
        and _SLUG.issuperset(text)
        and ".." not in text
        and not text.endswith((".", ".lock"))
    )


def is_model(text: str) -> bool:
    """Say whether `text` may name a model: a slug without dots that ends in a letter or digit, as GTO asks."""
    return 0 < len(text) <= LONGEST_SLUG and text[0] in _FIRST and text[-1] in _FIRST and _MODEL.issuperset(text)


def number_in(digits: str) -> int:
    """Return the number that `digits` write, from 1 and without leading zeros, or 0 where they write none."""
    if not 0 < len(digits) <= _LONGEST_NUMBER or digits[0] == "0" or not frozenset("0123456789").issuperset(digits):
        return 0
    return int(digits)


def is_branch_for_git(text: str) -> bool:
    """Say whether git allows a branch of this name, as ``git check-ref-format --branch`` does."""
    parts = text.split("/")
    return (
        text not in ("", "@", "HEAD")
        and text[0] != "-"
        and text[-1] != "."
        and not any(part == "" or part[0] == "." or part.endswith(".lock") for part in parts)
        and not any(bad in text for bad in ("..", "@{"))
        and _NOT_IN_A_REF.isdisjoint(text)
    )


def is_right(text: str, extra: Sequence[str] = EXTRA) -> bool:
    """Say whether a branch may have this name: one with a meaning, or one that matches an extra pattern.

    Parameters
    ----------
    text
        The short name.
    extra
        Patterns in which ``*`` stands for any letters, also ``/``. What they allow must still be a name
        that no shell and no page mistakes for something else: letters, digits, ``._/@+#=-``.
    """
    if parse(text) is not None:
        return True
    is_harmless = text.isascii() and all(letter.isalnum() or letter in "._/@+#=-" for letter in text)
    return is_harmless and is_branch_for_git(text) and any(matches(text, pattern) for pattern in extra)


def matches(text: str, pattern: str) -> bool:
    """Say whether `text` fits `pattern`, in which ``*`` stands for one or more letters."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    if not text.startswith(first):
        return False
    place, last = len(first), others.pop()
    for piece in others:
        found = text.find(piece, place + 1)
        if found < 0:
            return False
        place = found + len(piece)
    return len(text) > place + len(last) and text.endswith(last)


def suggestion(text: str) -> str | None:
    """Return the right name nearest to `text`, or None where nothing of it can be kept.

    >>> suggestion("experiments/Foo"), suggestion("models/v4"), suggestion("prod")
    ('experiments/foo', 'models/model-v4', 'production/production-model')
    """
    if parse(text) is not None:
        return text
    folder, _, rest = _plain(text).partition("/")
    folder = _FOLDERS.get(folder, folder)
    if folder == "master" and not rest:
        return MAIN
    if folder == "production":
        model = _cut(rest.removeprefix("production-").replace(".", "-").replace("/", "-") or DEFAULT_MODEL)
        name = f"production/production-{model[: LONGEST_SLUG - len('production-')].strip('._-')}"
    elif folder in ("models", "promote"):
        name = f"{folder}/{_version(rest)}"
    else:
        slug = rest if folder == "experiments" else f"{folder}/{rest}"
        name = f"experiments/{_cut(slug.replace('/', '-'))}"
    return name if parse(name) is not None else None


def _version(rest: str) -> str:
    """Return ``<model>-v<N>`` for what somebody wrote for it; empty where there is no number in it."""
    text = rest.replace("/", "-").partition("@")[0] or rest
    head = text.rstrip("0123456789")
    model = head.removesuffix("v").strip("._-").replace(".", "-")
    digits = text[len(head) :].lstrip("0")[:_LONGEST_NUMBER]
    if not digits:
        return ""
    room = LONGEST_SLUG - len(digits) - 2
    return f"{_cut(model or DEFAULT_MODEL)[:room].strip('._-')}-v{digits}"


def _plain(text: str) -> str:
    """Return `text` in small ASCII letters, with a dash for every run of letters that no name may have."""
    from unicodedata import normalize

    letters = normalize("NFKD", text.removeprefix("refs/heads/"))
    kept = [letter if letter in _SLUG or letter == "/" else "-" for letter in _without_accents(letters).lower()]
    pieces = "".join(kept).split("/")
    return "/".join(piece for piece in map(_squeezed, pieces) if piece)


def _without_accents(decomposed: str) -> str:
    from unicodedata import combining

    return "".join(letter for letter in decomposed if not combining(letter))


def _squeezed(piece: str) -> str:
    while "--" in piece or ".." in piece:
        piece = piece.replace("--", "-").replace("..", ".")
    while piece.endswith(".lock"):
        piece = piece.removesuffix(".lock")
    return piece.strip("._-")


def _cut(slug: str) -> str:
    return _squeezed(slug[:LONGEST_SLUG])
