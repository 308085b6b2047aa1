"""gitml.toml: what a project decides, as values that do not change."""

from __future__ import annotations

from gitml.conventions import branches, commits
from gitml.conventions.commits import Prefix
from gitml.conventions.frozen import Frozen
from gitml.errors import GitmlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    Level = Literal["error", "warn", "off"]
    Direction = Literal["higher", "lower"]

FILE = "gitml.toml"
LARGEST = 2**20
"""Bytes of a gitml.toml that is read."""

LEVELS = ("error", "warn", "off")
RULES = (
    "branch-name",
    "commit-prefix",
    "immutable-model",
    "promote-shape",
    "production-tree",
    "lock-forged",
    "metric-covered",
    "lock-stale",
    "provenance",
    "report-complete",
    "gates",
    "approvals",
    "signed-release",
    "no-large-file",
    "clean-notebook",
    "no-secret",
    "data-present",
)
"""The ids of the rule book."""

LARGEST_FILE = 5 * 2**20
"""Bytes of a file that git may keep where nobody set another limit."""


class WrongConfig(GitmlError):
    """gitml.toml cannot be understood.

    Parameters
    ----------
    line
        The line that is wrong, from 1; 0 where it is the whole file.
    fault
        What is wrong with it.
    why
        What would be right.
    """

    exit_code = 2

    def __init__(self, line: int, fault: str, why: str = "") -> None:
        super().__init__(f"{FILE} line {line}: {fault}" if line else f"{FILE}: {fault}", why)
        self.line = line


class Metric(Frozen):
    """The number by which runs are ranked."""

    name: str
    direction: Direction = "higher"


class Gate(Frozen):
    """What a metric must be before its model is released or promoted.

    Attributes
    ----------
    metric
        Its name, as the metrics file has it; with dots where it is nested.
    least, most
        Bounds that it must keep, themselves included; None for no bound.
    tolerance
        How much worse than production's it may be, in the metric's own unit; None where it is not compared.
    direction
        Which is better.
    """

    metric: str
    least: float | None = None
    most: float | None = None
    tolerance: float | None = None
    direction: Direction = "higher"


class Approvals(Frozen):
    """Who has to agree before a model goes to production, and how that is known.

    Attributes
    ----------
    needed
        How many people, the model's and the promotion's authors not counted.
    signers
        The file of main that names who may sign, as ssh's allowed_signers.
    signs_releases
        Whether the tag of a release must be signed as well.
    """

    needed: int = 0
    signers: str = "allowed_signers"
    signs_releases: bool = False


class Forge(Frozen):
    """Where pull requests are, for a remote whose URL does not tell.

    Attributes
    ----------
    kind
        ``github``, ``gitlab``, ``gitea``, or ``none`` for a remote that is no forge; empty to see it by the URL.
        Its address is never taken from a file: tokens are sent there.
    """

    kind: str = ""


class Config(Frozen):
    """What gitml.toml says, or would say where it says nothing.

    Attributes
    ----------
    prefixes
        The words that a commit's first line may begin with.
    branches
        Patterns of further names that a branch may have.
    metric
        The metric that ranks runs; None where nobody chose one.
    rules
        The rules whose level is not their own, as pairs of id and level.
    largest
        Bytes of a file that git may keep.
    large
        Patterns of files that may be larger; ``*`` stands for any letters, also ``/``.
    gates
        What a model must reach, one a metric.
    approvals
        Who has to agree before a model goes to production.
    forge
        Where pull requests are.
    since
        The commit with which gitml was adopted: it and what it came from is not judged. Empty for none.
    """

    prefixes: tuple[Prefix, ...] = commits.PREFIXES
    branches: tuple[str, ...] = branches.EXTRA
    metric: Metric | None = None
    rules: tuple[tuple[str, Level], ...] = ()
    largest: int = LARGEST_FILE
    large: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    approvals: Approvals = Approvals()
    forge: Forge = Forge()
    since: str = ""

    def level(self, rule: str) -> Level:
        """Return what happens where a rule is broken."""
        return dict(self.rules).get(rule, "error")

    def changed(self, **fields: object) -> Config:
        """Return the same with some fields changed."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__match_args__}
        return Config(**{**values, **fields})


DEFAULTS = Config()


def read(folder: str = ".") -> Config:
    """Return what the gitml.toml in `folder` says; the defaults where there is none.

    Raises
    ------
    WrongConfig
        It cannot be read, is no TOML, or says what has no meaning here.
    """
    try:
        with open(f"{folder}/{FILE}", "rb") as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        return DEFAULTS
    except OSError as error:
        raise WrongConfig(0, "cannot be read", f"{error.strerror}.") from None
    return parse(raw)


def parse(raw: bytes) -> Config:
    """Return what the bytes of a gitml.toml say.

    Raises
    ------
    WrongConfig
        They are no TOML, or say what has no meaning here.
    """
    if len(raw) > LARGEST:
        raise WrongConfig(0, f"larger than {LARGEST} bytes")
    try:
        text = raw.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        raise WrongConfig(raw.count(b"\n", 0, error.start) + 1, "not UTF-8") from None
    from gitml.config.reader import understand

    return understand(text.replace("\r\n", "\n"))
