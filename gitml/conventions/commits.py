"""Commit messages: what git makes of one, which prefix its first line has, and a right line for a wrong one."""

from __future__ import annotations

from gitml.conventions.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    Exemption = Literal["revert", "fixup"]

BOM = "\ufeff"
COMMENT = "#"
CUT = "------------------------ >8 ------------------------"
"""Behind a comment string and a space: what follows is not part of the message."""

LONGEST_SHOWN = 60

_SPACE = " \t\n\r"
"""What git takes for space; a form feed or a no-break space is a letter to it."""

_AUTO = "#;@!$%^&|:"
_CONVENTIONAL = frozenset(
    ["build", "chore", "ci", "docs", "feat", "feature", "fix", "perf", "refactor", "revert", "style", "test", "wip"]
)
"""Prefixes of other conventions, which are dropped where one of ours is put."""


class Prefix(Frozen):
    """A word that a first line may begin with, and what it is for."""

    name: str
    meaning: str = ""


PREFIXES = (
    Prefix("experiment", "trying an idea"),
    Prefix("model", "model code"),
    Prefix("data", "data or features"),
    Prefix("infra", "everything else"),
)


class Cleanup(Frozen):
    """How git cleans a message before it stores it.

    Attributes
    ----------
    has_editor
        Whether a person wrote the message in an editor: only then are comments dropped by default, and
        what follows the scissors.
    comment
        ``core.commentChar``: one or more letters, or ``auto``.
    mode
        ``commit.cleanup``. What ``--cleanup`` says on the command line is told to no hook.
    """

    has_editor: bool = False
    comment: str = COMMENT
    mode: str = "default"

    @property
    def drops_comments(self) -> bool:
        """Whether lines that begin with the comment string are dropped."""
        return self.mode == "strip" or (self.has_editor and self.mode not in ("verbatim", "whitespace", "scissors"))


class CommitMessage(Frozen):
    """A message as git stores it.

    Attributes
    ----------
    subject
        The first line; empty where there is no message.
    body
        What follows the blank line after it, without a line end at its end.
    """

    subject: str
    body: str = ""

    def __str__(self) -> str:
        """Return the text, with a line end."""
        return f"{self.subject}\n\n{self.body}\n" if self.body else f"{self.subject}\n"


class Fault(Frozen):
    """What is wrong with a first line.

    Attributes
    ----------
    what
        ``empty``, ``byte order mark``, ``no prefix`` or ``no subject``.
    line
        The line.
    mended
        A right one; empty where the line says nothing.
    """

    what: Literal["empty", "byte order mark", "no prefix", "no subject"]
    line: str
    mended: str

    @property
    def says(self) -> str:
        """What is wrong, in one line that a terminal can show."""
        return {
            "empty": "the message is empty",
            "byte order mark": "the message begins with a byte order mark, which git would keep",
            "no prefix": f"{shown(self.line)} has no prefix",
            "no subject": f"{shown(self.line)} says nothing after its prefix",
        }[self.what]


def shown(line: str) -> str:
    """Return a line in quotes, cut to `LONGEST_SHOWN` letters, with what a terminal would obey made visible."""
    cut = line if len(line) <= LONGEST_SHOWN else f"{line[: LONGEST_SHOWN - 1]}…"
    letters = (letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in cut)
    return f'"{"".join(letters)}"'


def parse(text: str) -> CommitMessage:
    """Return the parts of a message that is stored already."""
    subject, _, body = text.strip("\n").partition("\n")
    return CommitMessage(subject.rstrip(_SPACE), body.strip("\n"))


def decode(raw: bytes, encoding: str = "utf-8") -> tuple[str, str]:
    """Return a message as text, and the encoding that gives exactly `raw` back.

    Parameters
    ----------
    raw
        The bytes in the file. Those that are no text come out as lone surrogates.
    encoding
        ``i18n.commitEncoding``. One that Python does not know, or that cannot give the same bytes
        back, is read as latin-1, in which every byte is a letter.
    """
    try:
        text = raw.decode(encoding, "surrogateescape")
        if text.encode(encoding, "surrogateescape") == raw:
            return text, encoding
    except (LookupError, UnicodeError, ValueError):
        pass
    return raw.decode("latin-1"), "latin-1"


def as_stored(text: str, cleanup: Cleanup) -> str:
    """Return what git stores of a message file; empty where nothing is left, and git gives up by itself."""
    if cleanup.mode == "verbatim":
        return text
    lines: list[str] = []
    for start, end in _lines(text, cleanup):
        line = text[start:end].rstrip(_SPACE)
        if line or (lines and lines[-1]):
            lines.append(line)
    while lines and not lines[-1]:
        lines.pop()
    return "".join(f"{line}\n" for line in lines)


def find_subject(text: str, cleanup: Cleanup) -> tuple[int, int] | None:
    """Return where in a message file the stored message's first line stands; None where there is none."""
    for start, end in _lines(text, cleanup):
        if text[start:end].strip(_SPACE):
            return start, end
    return None


def exemption(subject: str) -> Exemption | None:
    """Return why a first line needs no prefix, by the exact forms that git and the forges write.

    >>> exemption('Revert "model: wider net"'), exemption("fixup! model: wider net"), exemption("revert it")
    ('revert', 'fixup', None)
    """
    for begin in ("fixup! ", "squash! ", "amend! "):
        if _says_something(subject.removeprefix(begin)) and subject.startswith(begin):
            return "fixup"
    for begin in ('Revert "', 'Reapply "'):
        if subject.startswith(begin):
            quoted = _without_number(subject)
            if quoted.endswith('"') and _says_something(quoted[len(begin) : -1]):
                return "revert"
    return None


def find_fault(subject: str, prefixes: Sequence[Prefix] = PREFIXES, likely: str = "experiment") -> Fault | None:
    """Return what is wrong with the first line of a message, or None.

    Parameters
    ----------
    subject
        The first line, as it is stored.
    prefixes
        The words that it may begin with, before ``: ``.
    likely
        The prefix to mend with, where the line gives no hint of its own.
    """
    line = subject.rstrip(_SPACE)
    if not line:
        return Fault("empty", line, "")
    mended = mend(line, prefixes, likely)
    if BOM in line[:1]:
        return Fault("byte order mark", line, mended)
    for prefix in prefixes:
        if line.startswith(f"{prefix.name}:"):
            said = line[len(prefix.name) + 1 :]
            if not _says_something(said):
                return Fault("no subject", line, "")
            if said[0] == " " and not said[1].isspace():
                return None
    return None if exemption(line) is not None else Fault("no prefix", line, mended)


def mend(subject: str, prefixes: Sequence[Prefix], likely: str) -> str:
    """Return a right first line that says what `subject` says; empty where it says nothing.

    >>> mend("Experiments(lr): try 1e-3", PREFIXES, "infra"), mend("try lr", PREFIXES, "experiment")
    ('experiment: try 1e-3', 'experiment: try lr')
    """
    line = subject.lstrip(BOM).strip()
    if line.startswith("["):
        word, separator, said = line[1:].partition("]")
        said = said.removeprefix(":")
    else:
        word, separator, said = line.partition(":")
    name = _meant(word, prefixes) if separator else None
    if name is None:
        name, said = likely, line
    elif not name:
        name = likely
    said = said.strip()
    return f"{name}: {said}" if _says_something(said) else ""


def likely_prefix(branch: str, prefixes: Sequence[Prefix]) -> str:
    """Return the prefix that a message on `branch` most likely needs."""
    names = [prefix.name for prefix in prefixes]
    wanted = {"models": "model", "data": "data", "infra": "infra"}.get(branch.partition("/")[0], "experiment")
    return wanted if wanted in names else names[0]


def _lines(text: str, cleanup: Cleanup) -> Iterator[tuple[int, int]]:
    """Yield where each line stands that git keeps, blank ones too."""
    comment = _chosen(text, cleanup) if cleanup.comment.lower() == "auto" else cleanup.comment
    cut = f"{comment or COMMENT} {CUT}\n"
    start = 0
    while start < len(text):
        if text.startswith(cut, start) and _is_cut(text[start + len(cut) :], comment, cleanup):
            return
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if not (cleanup.drops_comments and comment and text.startswith(comment, start)):
            yield start, end
        start = end + 1


def _is_cut(rest: str, comment: str, cleanup: Cleanup) -> bool:
    """Say whether git cuts at a scissors line, by what stands behind it.

    It cuts if it was told to, which a hook can see, or if it put its diff there for ``commit --verbose``, which
    no hook is told: then its own comment follows, and the diff. A line that somebody pasted is a comment to it.
    """
    if not cleanup.has_editor or cleanup.mode == "scissors":
        return cleanup.has_editor
    lines = rest.split("\n", 20)
    first = next((line for line in lines if line and not line.startswith(comment or COMMENT)), "")
    return lines[0].startswith(comment or COMMENT) and first.startswith(("diff ", "Submodule "))


def _chosen(text: str, cleanup: Cleanup) -> str:
    """Return the letter that git chose for ``auto``, as far as its own lines at the end tell; empty for none.

    Without an editor it is one that no line begins with. git's own lines are three at least; fewer are a person's.
    """
    if not cleanup.has_editor:
        return ""
    before, separator, _ = text.partition(f" {CUT}\n")
    if separator:
        return before[-1:]
    firsts = {line[:1] for line in text.rstrip(_SPACE).rsplit("\n", 3)[-3:]}
    letter = firsts.pop()
    return letter if not firsts and letter and letter in _AUTO and text.count("\n") > 1 else ""


def _meant(word: str, prefixes: Sequence[Prefix]) -> str | None:
    """Return the prefix that is meant by `word`, empty for one of another convention, None for neither."""
    text = word.partition("(")[0].strip().rstrip("!").strip().casefold()
    names = [prefix.name for prefix in prefixes]
    for name in names:
        if text in (name.casefold(), f"{name.casefold()}s"):
            return name
    begins = [name for name in names if len(text) >= 3 and name.startswith(text)]
    if len(begins) == 1:
        return begins[0]
    return "" if text in _CONVENTIONAL else None


def _without_number(subject: str) -> str:
    """Return a subject without the `` (#41)`` that GitHub, or `` (!41)`` that GitLab adds to it."""
    text, separator, number = subject.rpartition(" (")
    if separator and number[:1] in ("#", "!") and number.endswith(")") and number[1:-1].isdecimal():
        return text
    return subject


def _says_something(text: str) -> bool:
    """Say whether there is a letter to see in `text`; a byte that is no text counts as one."""
    return any((letter.isprintable() and letter != " ") or "\udc80" <= letter <= "\udcff" for letter in text)
