"""Trailers: the ``Key: value`` lines at the end of a commit message, as git itself reads them."""

from __future__ import annotations

from gitml.conventions.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_SPACE = " \t\n\r\v\f"
_GITS_OWN = ("Signed-off-by: ", "(cherry picked from commit ")


class Trailer(Frozen):
    """One key and its value; the same key may stand there several times."""

    key: str
    value: str

    def __str__(self) -> str:
        """Return the line."""
        return f"{self.key}: {self.value}" if self.value else f"{self.key}:"


def parse(message: str) -> tuple[Trailer, ...]:
    r"""Return the trailers of a message, in their order.

    They are the last paragraph, which is not the first, if each of its lines is one, or if a quarter of
    them are and one is git's own (``Signed-off-by``, ``(cherry picked from``). A line that begins with a
    space goes on with the value before it.

    >>> parse("model: release model-v4\n\nModel: model-v4\nRun-Id: 01J\n")
    (Trailer(key='Model', value='model-v4'), Trailer(key='Run-Id', value='01J'))
    """
    trailers: list[Trailer] = []
    others, has_gits_own = 0, False
    for line in _last_paragraph(message):
        key, separator, value = line.partition(":")
        key = key.rstrip(" \t")
        has_gits_own = has_gits_own or line.startswith(_GITS_OWN)
        if line[0] in " \t":
            if trailers:
                last = trailers[-1]
                trailers[-1] = Trailer(last.key, f"{last.value} {line.strip(_SPACE)}".strip(_SPACE))
            else:
                others += 1
        elif separator and key and _KEY.issuperset(key):
            trailers.append(Trailer(key, value.strip(_SPACE)))
        elif not line.startswith(_GITS_OWN):
            others += 1
    if others and not (has_gits_own and 3 * (len(trailers) + 1) >= others):
        return ()
    return tuple(trailers)


def append(message: str, trailers: Sequence[Trailer]) -> str:
    """Return `message` with a last paragraph of `trailers`, or with them added to the one that is there.

    Raises
    ------
    ValueError
        A key or a value that git would not read back as it is.
    """
    for trailer in trailers:
        if not trailer.key or not _KEY.issuperset(trailer.key):
            raise ValueError(f"not the key of a trailer: {trailer.key!r}")
        if trailer.value != trailer.value.strip(_SPACE) or not {"\n", "\r", "\0"}.isdisjoint(trailer.value):
            raise ValueError(f"not the value of a trailer on one line: {trailer.value!r}")
    text = message.rstrip(_SPACE)
    if not trailers:
        return f"{text}\n"
    gap = "\n" if parse(text) else "\n\n"
    return text + gap + "".join(f"{trailer}\n" for trailer in trailers)


def _last_paragraph(message: str) -> list[str]:
    """Return the lines of the last paragraph; none where that is also the first, which is the subject's."""
    lines = [line.rstrip(_SPACE) for line in message.strip("\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    blank = next((place for place in range(len(lines) - 1, -1, -1) if not lines[place]), None)
    if blank is None or not any(lines[:blank]):
        return []
    return lines[blank + 1 :]
