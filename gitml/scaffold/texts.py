"""The texts that are laid down: names in them are replaced, and a line may stand for a whole other file."""

from __future__ import annotations

import re
from importlib.resources import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PIECE = re.compile(r"^( *)@([a-z-]+\.(?:sh|mk))@$", re.MULTILINE)


def read(folder: str, name: str) -> str:
    """Return a text as it is packed, such as ``github.yml`` in ``ci``."""
    return (files("gitml.scaffold") / folder / name).read_text(encoding="utf-8")


def filled(folder: str, name: str, values: Mapping[str, str]) -> str:
    """Return a text with the pieces that it names, in their line's indent, and with its names replaced.

    Parameters
    ----------
    folder, name
        As for `read`; pieces are in the same folder.
    values
        What stands for each name, as ``{"@MAIN@": "main"}``. What a value holds is not replaced again.
    """
    text = _PIECE.sub(lambda found: _indented(read(folder, found[2]), found[1]), read(folder, name))
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], text) if values else text


def _indented(text: str, by: str) -> str:
    return "\n".join(f"{by}{line}" if line else "" for line in text.splitlines())
