"""gitml.toml: what a project decides, as values that do not change."""

from __future__ import annotations

from gitml.conventions import branches, commits
from gitml.conventions.commits import Prefix
from gitml.conventions.frozen import Frozen
from gitml.errors import GitmlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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
    "report-complete",
    "gates",
    "no-large-file",
    "clean-notebook",
    "no-secret",
    "data-present",
)
"""The ids of the rule book."""

_LONGEST_PREFIX = 32


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
    """

    prefixes: tuple[Prefix, ...] = commits.PREFIXES
    branches: tuple[str, ...] = branches.EXTRA
    metric: Metric | None = None
    rules: tuple[tuple[str, Level], ...] = ()

    def level(self, rule: str) -> Level:
        """Return what happens where a rule is broken."""
        return dict(self.rules).get(rule, "error")


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
    return _Reader(text.replace("\r\n", "\n")).config()


class _Reader:
    """Reads one file, and knows on which line each key stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.table = _loads(text)

    def config(self) -> Config:
        tables: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "commits": self.commits,
            "branches": self.branches,
            "metric": self.metric,
            "rules": self.rules,
        }
        self.no_others((), self.table, tuple(tables))
        values: dict[str, Any] = {}
        for name, understand in tables.items():
            if name in self.table:
                if not isinstance(self.table[name], dict):
                    raise self.wrong((name,), f"{name} is a table", f"Write [{name}] on a line of its own.")
                values |= understand(self.table[name])
        return Config(**values)

    def commits(self, table: dict[str, Any]) -> dict[str, Any]:
        self.no_others(("commits",), table, ("prefixes",))
        if "prefixes" not in table:
            return {}
        path = ("commits", "prefixes")
        given = table["prefixes"]
        known = {prefix.name: prefix.meaning for prefix in commits.PREFIXES}
        pairs = [(name, known.get(name, "")) for name in given if isinstance(name, str)]
        if isinstance(given, dict):
            pairs = list(given.items())
        elif not isinstance(given, list) or len(pairs) != len(given):
            raise self.wrong(path, "prefixes is a list of words", 'For example prefixes = ["experiment", "infra"].')
        if not pairs:
            raise self.wrong(path, "prefixes is empty", "Set the rule commit-prefix to off if any message is right.")
        for name, meaning in pairs:
            at = (*path, name) if isinstance(given, dict) else path
            self.prefix(at, name, meaning)
        if len({name for name, _ in pairs}) < len(pairs):
            raise self.wrong(path, "a prefix stands in the list twice")
        return {"prefixes": tuple(Prefix(name, meaning) for name, meaning in pairs)}

    def prefix(self, at: tuple[str, ...], name: str, meaning: object) -> None:
        is_word = name.isascii() and name[:1].isalpha() and name.replace("-", "").replace("_", "").isalnum()
        if not is_word or len(name) > _LONGEST_PREFIX:
            raise self.wrong(
                at, f"{name!r} cannot be a prefix", "A prefix is a word of ASCII letters, digits, - and _."
            )
        if not isinstance(meaning, str) or not (meaning.isprintable() or not meaning):
            raise self.wrong(at, f"what {name} is for is one line of text", f'For example {name} = "trying an idea".')

    def branches(self, table: dict[str, Any]) -> dict[str, Any]:
        self.no_others(("branches",), table, ("extra",))
        if "extra" not in table:
            return {}
        path = ("branches", "extra")
        given = table["extra"]
        if not isinstance(given, list) or not all(isinstance(pattern, str) for pattern in given):
            raise self.wrong(path, "extra is a list of patterns", 'For example extra = ["infra/*", "release-*"].')
        for pattern in given:
            if not branches.is_branch_for_git(pattern.replace("*", "x")):
                raise self.wrong(path, f"{pattern!r} fits no name that git allows")
            if branches.matches("models/m-v1", pattern) or branches.matches("production/production-m", pattern):
                raise self.wrong(
                    path, f"{pattern!r} also fits gitml's own branches", "Put a word of yours before the *."
                )
        return {"branches": tuple(given)}

    def metric(self, table: dict[str, Any]) -> dict[str, Any]:
        self.no_others(("metric",), table, ("name", "direction"))
        name, direction = table.get("name"), table.get("direction", "higher")
        if not isinstance(name, str) or not name or not name.isprintable():
            at = ("metric", "name") if "name" in table else ("metric",)
            raise self.wrong(at, "metric needs a name", 'For example name = "roc_auc".')
        if direction not in ("higher", "lower"):
            raise self.wrong(("metric", "direction"), f"direction is not {direction!r}", 'It is "higher" or "lower".')
        return {"metric": Metric(name, direction)}

    def rules(self, table: dict[str, Any]) -> dict[str, Any]:
        self.no_others(("rules",), table, RULES)
        for rule, level in table.items():
            if level not in LEVELS:
                raise self.wrong(("rules", rule), f"{rule} is not {level!r}", 'It is "error", "warn" or "off".')
        return {"rules": tuple(table.items())}

    def no_others(self, path: tuple[str, ...], table: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                from difflib import get_close_matches

                near = get_close_matches(key, known, n=1)
                why = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
                raise self.wrong((*path, key), f"{'.'.join((*path, key))!r} is unknown", why)

    def wrong(self, path: tuple[str, ...], fault: str, why: str = "") -> WrongConfig:
        return WrongConfig(_line_of(self.text, path), fault, why)


def _loads(text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault, _, place = str(error).rpartition(" (at ")
        if place.startswith("line "):
            line = int(place.removeprefix("line ").partition(",")[0])
        else:  # "at end of document"
            line = max(1, text.count("\n") + (not text.endswith("\n")))
        raise WrongConfig(line, fault[:1].lower() + fault[1:] or str(error)) from None
    except RecursionError:
        raise WrongConfig(0, "nested too deeply") from None


def _line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line on which the statement begins that gives `path` its value.

    The parser itself is asked, so that no way of writing a key is missed: the statement ends on the first
    line up to which the file has the key, and begins behind the last line before that up to which the
    file can be read.
    """
    import tomllib

    lines, begins = text.split("\n"), 1
    for count in range(1, len(lines) + 1):
        try:
            value: Any = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return begins
        begins = count + 1
    return 0
