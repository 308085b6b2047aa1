"""Reading a gitml.toml, with the line of every fault; imported only where there is one to read."""

from __future__ import annotations

import tomllib

from gitml.config import LEVELS, RULES, Approvals, Config, Forge, Gate, Metric, WrongConfig
from gitml.conventions import branches, commits
from gitml.conventions.commits import Prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_LONGEST_PREFIX = 32
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_FORGES = ("github", "gitlab", "gitea", "none")
_MOST_APPROVALS = 100
_OBJECT_ID = (40, 64)
"""Letters of a commit's id, by SHA-1 and by SHA-256."""


def understand(text: str) -> Config:
    """Return what the text of a gitml.toml says.

    Raises
    ------
    WrongConfig
        It is no TOML, or says what has no meaning here.
    """
    return _Reader(text).config()


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
            "files": self.files,
            "gates": self.gates,
            "approvals": self.approvals,
            "forge": self.forge,
            "adoption": self.adoption,
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

    def files(self, table: dict[str, Any]) -> dict[str, Any]:
        self.no_others(("files",), table, ("largest", "large"))
        values: dict[str, Any] = {}
        if "largest" in table:
            values["largest"] = self.size(("files", "largest"), table["largest"])
        if "large" in table:
            given = table["large"]
            if not isinstance(given, list) or not all(isinstance(pattern, str) and pattern for pattern in given):
                raise self.wrong(
                    ("files", "large"), "large is a list of patterns", 'For example large = ["docs/*.gif"].'
                )
            values["large"] = tuple(given)
        return values

    def size(self, at: tuple[str, ...], given: object) -> int:
        """Return a number of bytes, written as such or as ``"5 MiB"``."""
        if isinstance(given, int) and not isinstance(given, bool) and given > 0:
            return given
        digits, _, unit = given.partition(" ") if isinstance(given, str) else ("", "", "")
        factor = _UNITS.get(unit.strip().upper(), 0)
        if digits.isascii() and digits.isdigit() and int(digits) * factor > 0:
            return int(digits) * factor
        raise self.wrong(at, f"{at[-1]} is a size", f'Write the bytes, or for example {at[-1]} = "5 MiB".')

    def gates(self, table: dict[str, Any]) -> dict[str, Any]:
        return {"gates": tuple(self.gate(metric, bounds) for metric, bounds in table.items())}

    def gate(self, metric: str, bounds: object) -> Gate:
        at = ("gates", metric)
        if not metric or not metric.isprintable():
            raise self.wrong(at, f"{metric!r} cannot name a metric", "It is one line of text.")
        if not isinstance(bounds, dict):
            raise self.wrong(at, f"the gate of {metric} is a table", f"Write [gates.{metric}] and its bounds below.")
        self.no_others(at, bounds, ("min", "max", "tolerance", "direction"))
        for key in ("min", "max", "tolerance"):
            self.number((*at, key), bounds.get(key))
        if not {"min", "max", "tolerance"} & bounds.keys():
            raise self.wrong(at, f"the gate of {metric} asks nothing", "Give it a min, a max or a tolerance.")
        least, most, tolerance = bounds.get("min"), bounds.get("max"), bounds.get("tolerance")
        if least is not None and most is not None and least > most:
            raise self.wrong((*at, "max"), f"max is less than min, so no {metric} passes")
        if tolerance is not None and tolerance < 0:
            raise self.wrong((*at, "tolerance"), "tolerance is not negative", "It is how much worse is still right.")
        direction = bounds.get("direction", self.direction_of(metric))
        if direction not in ("higher", "lower"):
            raise self.wrong((*at, "direction"), f"direction is not {direction!r}", 'It is "higher" or "lower".')
        return Gate(metric, least, most, tolerance, direction)

    def number(self, at: tuple[str, ...], given: object) -> None:
        if given is None:
            return
        if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < float("inf"):
            raise self.wrong(at, f"{at[-1]} is a finite number", f"For example {at[-1]} = 0.5.")

    def direction_of(self, metric: str) -> object:
        """Return the direction that the table ``metric`` gives to this metric, else higher."""
        table = self.table.get("metric")
        is_it = isinstance(table, dict) and table.get("name") == metric
        return table.get("direction", "higher") if isinstance(table, dict) and is_it else "higher"

    def approvals(self, table: dict[str, Any]) -> dict[str, Any]:
        self.no_others(("approvals",), table, ("needed", "signers", "signed_releases"))
        known = Approvals()
        needed = table.get("needed", known.needed)
        signers = table.get("signers", known.signers)
        is_signed = table.get("signed_releases", known.signs_releases)
        if isinstance(needed, bool) or not isinstance(needed, int) or not 0 <= needed <= _MOST_APPROVALS:
            raise self.wrong(("approvals", "needed"), "needed is a number of people", "For example needed = 1.")
        is_path = isinstance(signers, str) and signers and signers.isascii() and signers.isprintable()
        if not is_path or " " in signers or signers.startswith(("/", "-")) or ".." in signers.split("/"):
            raise self.wrong(
                ("approvals", "signers"), "signers is a file of this repository", 'For example "allowed_signers".'
            )
        if not isinstance(is_signed, bool):
            raise self.wrong(("approvals", "signed_releases"), "signed_releases is true or false")
        return {"approvals": Approvals(needed, signers, is_signed)}

    def forge(self, table: dict[str, Any]) -> dict[str, Any]:
        self.no_others(("forge",), table, ("kind",))
        kind = table.get("kind", "")
        if kind not in ("", *_FORGES):
            raise self.wrong(("forge", "kind"), f"there is no forge {kind!r}", f"There are {', '.join(_FORGES)}.")
        return {"forge": Forge(kind)}

    def adoption(self, table: dict[str, Any]) -> dict[str, Any]:
        self.no_others(("adoption",), table, ("since",))
        since = table.get("since")
        is_id = isinstance(since, str) and len(since) in _OBJECT_ID and set(since) <= set("0123456789abcdef")
        if not is_id:
            at = ("adoption", "since") if "since" in table else ("adoption",)
            raise self.wrong(at, "since is the whole id of a commit", "gitml rules enforce writes it.")
        return {"since": since}

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
