"""What files contain: what is refused and why, what is let pass, and that no bytes upset a rule."""

from __future__ import annotations

import json
import pkgutil
import re
from importlib import import_module
from typing import Any

import detect_secrets.plugins
import pytest
from detect_secrets.plugins.base import BasePlugin
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gitml.config import DEFAULTS, Config
from gitml.policy import contents, secrets
from gitml.policy.contents import NewFile, is_worth_reading, judge
from gitml.policy.files import no_large_file
from gitml.policy.notebooks import clean_notebook, verify_with_nbstripout
from gitml.policy.rules import Violation
from gitml.policy.secrets import HINTS, NOT_ASKED, no_secret

from .conftest import ROOT
from .yardstick import cost

MIB = 2**20
# written in two parts, so that this file itself is free of tokens
AWS = "AKIA" + "QZ7XW3ER5TY2UIOP"
GITHUB = "ghp_" + "a1B2" * 9
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
WHY = (
    "Whoever can read the repository can use it, now and in every clone: let the code read it from the environment, "
    "and revoke it if it was ever pushed. What is no secret is marked on its line with the comment "
    "pragma: allowlist secret."
)


def file(content: str | bytes, path: str = "a.py") -> NewFile:
    raw = content.encode() if isinstance(content, str) else content
    return NewFile(path, len(raw), raw)


def found(content: str | bytes, path: str = "a.py") -> list[str]:
    return [violation.what for violation in no_secret(file(content, path), DEFAULTS)]


def notebook(*cells: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4, **more}).encode()


def code(*outputs: Any, count: int | None = None, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": "", "metadata": metadata, "outputs": outputs, "execution_count": count}


def printed(count: int | None = None) -> dict[str, Any]:
    """An output, as a run leaves it."""
    if count is None:
        return {"output_type": "stream", "name": "stdout", "text": "42"}
    return {"output_type": "execute_result", "execution_count": count, "data": {}, "metadata": {}}


class TestLargeFile:
    def test_what_a_person_reads(self) -> None:
        assert no_large_file(NewFile("data/raw flights.csv", 5 * MIB + 1, None), DEFAULTS) == [
            Violation(
                "no-large-file",
                "error",
                "data/raw flights.csv has 5.1 MiB",
                "git keeps at most 5 MiB a file here; DVC keeps the rest. "
                "Let a file be larger with [files] large in gitml.toml.",
                (
                    'git rm --cached -- "data/raw flights.csv"',
                    'dvc add "data/raw flights.csv"',
                    'git add -- "data/raw flights.csv.dvc" data/.gitignore',
                ),
                "data/raw flights.csv",
            )
        ]

    @pytest.mark.parametrize(
        ("path", "size", "large", "is_right"),
        [
            ("a", 5 * MIB, (), True),
            ("a", 5 * MIB + 1, (), False),
            ("docs/film.gif", 99 * MIB, ("docs/*.gif",), True),
            ("docs/deep/film.gif", 99 * MIB, ("docs/*.gif",), True),
            ("docs/film.png", 99 * MIB, ("docs/*.gif", "film.png"), False),
        ],
    )
    def test_the_limit_and_the_patterns(self, path: str, size: int, large: tuple[str, ...], is_right: bool) -> None:
        assert (no_large_file(NewFile(path, size, None), Config(large=large)) == []) is is_right

    @pytest.mark.parametrize(
        ("largest", "size", "says"),
        [(1000, 1001, "a has 1,001 bytes / 1,000 bytes"), (1572864, 1600000, "a has 1.6 MiB / 1.5 MiB")],
    )
    def test_a_limit_of_ones_own(self, largest: int, size: int, says: str) -> None:
        [violation] = no_large_file(NewFile("a", size, None), Config(largest=largest))
        limit = violation.why.removeprefix("git keeps at most ").partition(" a file")[0]
        assert f"{violation.what} / {limit}" == says

    def test_a_name_that_looks_like_an_option_or_holds_a_line_end(self) -> None:
        [violation] = no_large_file(NewFile("-x\n", 9 * MIB, None), DEFAULTS)
        assert violation.what == "-x\\n has 9.0 MiB"
        assert violation.mend[1] == r"dvc add $'./-x\012'"

    def test_levels(self) -> None:
        large = NewFile("a", 9 * MIB, None)
        [violation] = no_large_file(large, Config(rules=(("no-large-file", "warn"),)))
        assert violation.severity == "warn"
        assert no_large_file(large, Config(rules=(("no-large-file", "off"),))) == []


class TestNotebook:
    def says(self, content: bytes) -> list[str]:
        return [f"{one.what} / {one.why}" for one in clean_notebook(file(content, "eda.ipynb"), DEFAULTS)]

    def test_what_a_person_reads(self) -> None:
        dirty = notebook(code(), code(printed(), count=3), code(count=4), code(count=5))
        assert clean_notebook(file(dirty, "eda one.ipynb"), DEFAULTS) == [
            Violation(
                "clean-notebook",
                "error",
                "eda one.ipynb was not cleaned: cell 2 has output, and 2 more cells",
                "What a notebook printed can hold data and secrets, and makes every diff unreadable. "
                "A cell that must keep its output has the tag keep_output.",
                ('nbstripout "eda one.ipynb"', 'git add -- "eda one.ipynb"'),
                "eda one.ipynb",
            )
        ]

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (notebook(code(), {"cell_type": "markdown", "source": "", "metadata": {}}), ""),
            (notebook(code(count=1)), "cell 1 has an execution count"),
            (notebook(code(printed())), "cell 1 has output"),
            (notebook(code(printed(), keep_output=True)), ""),
            (notebook(code(printed(), tags=["keep_output"])), ""),
            (notebook(code(printed(), init_cell=True)), ""),
            (notebook(code(printed(), init_cell=False, keep_output=True)), "cell 1 has output"),
            (notebook(code(printed(), keep_output=True, count=2)), "cell 1 has an execution count"),
            (notebook(code(printed(7), keep_output=True)), "cell 1 has an execution count"),
            (notebook(code(printed()), metadata={"keep_output": True}), ""),
            (notebook({"cell_type": "code", "source": "", "outputs": [printed()]}), "cell 1 has output"),
            (notebook(code(printed(), keep_output=False), metadata={"keep_output": True}), "cell 1 has output"),
            (
                json.dumps(
                    {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}]}
                ).encode(),
                "",
            ),
        ],
    )
    def test_agrees_with_nbstripout(self, content: bytes, what: str) -> None:
        says = [one.what for one in clean_notebook(file(content, "x.ipynb"), DEFAULTS)]
        assert says == ([f"x.ipynb was not cleaned: {what}"] if what else [])
        assert verify_with_nbstripout(content) is (not what)

    def test_worksheets_of_nbformat_3(self) -> None:
        cell = {
            "cell_type": "code",
            "input": "",
            "outputs": [],
            "prompt_number": 3,
            "metadata": {},
            "language": "python",
        }
        old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell], "metadata": {}}]}
        raw = json.dumps(old).encode()
        [violation] = clean_notebook(file(raw, "x.ipynb"), DEFAULTS)
        assert violation.what == "x.ipynb was not cleaned: cell 1 has an execution count"
        assert verify_with_nbstripout(raw) is False

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "it is no JSON"),
            (b"\xff\xfe\x00", "it is no JSON"),
            (b"[]", "it has no cells"),
            (b"{}", "it has no cells"),
            (b'{"cells": 3}', "its cells are no list"),
            (b'{"cells": [3]}', "a cell of it is none"),
            (b'{"worksheets": [3]}', "a worksheet of it is none"),
            (b'{"cells": [{"outputs": [1], "outputs": []}]}', "it has a key twice"),
            (b"[" * 100_000, "it is nested too deeply"),
            (b'{"cells":' * 100_000, "it is nested too deeply"),
            (b'{"cells": [' + b"9" * 100_000 + b"]}", "it is no JSON"),
            (
                notebook(code(keep_output=False, tags=["keep_output"])),
                "cell 1 has the tag keep_output, and its metadata say the opposite",
            ),
        ],
    )
    def test_what_cannot_be_read(self, content: bytes, why: str) -> None:
        assert self.says(content) == [f"eda.ipynb cannot be read as a notebook / {why}."]
        assert verify_with_nbstripout(content) is False

    def test_one_that_is_too_large_to_be_read(self) -> None:
        [violation] = clean_notebook(NewFile("x.ipynb", 99 * MIB, None), DEFAULTS)
        assert violation.why == "it is too large."

    def test_a_byte_order_mark_and_the_ending_in_capitals(self) -> None:
        [violation] = clean_notebook(file(b"\xef\xbb\xbf" + notebook(code(count=1)), "X.IPYNB"), DEFAULTS)
        assert violation.what == "X.IPYNB was not cleaned: cell 1 has an execution count"

    def test_levels_and_other_files(self) -> None:
        dirty = file(notebook(code(count=1)), "x.ipynb")
        assert clean_notebook(dirty, Config(rules=(("clean-notebook", "warn"),)))[0].severity == "warn"
        assert clean_notebook(dirty, Config(rules=(("clean-notebook", "off"),))) == []
        assert clean_notebook(dirty._replace(path="x.json"), DEFAULTS) == []

    def test_without_nbstripout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "nbstripout", None)
        assert verify_with_nbstripout(notebook()) is None

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.builds(
                lambda outputs, count, metadata: code(*outputs, count=count, **metadata),
                st.lists(st.sampled_from([printed(), printed(3)]), max_size=2),
                st.none() | st.integers(0, 3),
                st.fixed_dictionaries(
                    {},
                    optional={
                        "keep_output": st.booleans(),
                        "init_cell": st.booleans(),
                        "tags": st.lists(st.sampled_from(["keep_output", "slow"])),
                    },
                ),
            )
        ),
        st.fixed_dictionaries({}, optional={"keep_output": st.booleans()}),
    )
    def test_says_no_exactly_where_nbstripout_does(self, cells: list[dict[str, Any]], metadata: dict[str, Any]) -> None:
        raw = notebook(*cells, metadata=metadata)
        assert (clean_notebook(file(raw, "x.ipynb"), DEFAULTS) == []) is verify_with_nbstripout(raw)


class TestSecret:
    def test_what_a_person_reads(self) -> None:
        text = f"import os\nkey = '{AWS}'\nx = 1\ntoken = '{GITHUB}', '{AWS}'\n"
        mend = ('git add -- "a b.py"   # once it is out of the file',)
        assert no_secret(file(text, "a b.py"), DEFAULTS) == [
            Violation("no-secret", "error", "a b.py line 2: AWS Access Key", WHY, mend, "a b.py", 2),
            Violation("no-secret", "error", "a b.py line 4: AWS Access Key and GitHub Token", WHY, mend, "a b.py", 4),
        ]

    def test_the_secret_is_not_told_again(self) -> None:
        told = repr(
            # pragma: allowlist nextline secret
            no_secret(file(f"k = '{AWS}'\n{KEY}\nhttp://ada:hunter2hunter2@example.com\n"), DEFAULTS)
        )
        assert [part for part in (AWS, "hunter2", "BEGIN RSA") if part in told] == []
        assert told.count("Violation(") == 3

    @pytest.mark.parametrize(
        ("content", "lines"),
        [
            (f"{AWS}  # pragma: allowlist secret", []),
            (f"{AWS}  // pragma: allowlist secret", []),
            (f"{AWS}  pragma: allowlist secret", [1]),
            (f"# pragma: allowlist nextline secret\n{AWS}\n{AWS}", [3]),
            (f"x # pragma: allowlist nextline secret\n{AWS}", [2]),
            (f"a\r\nb\r\n{AWS}\r\n", [3]),
            (f"a\rb\r{AWS}", [3]),
            (f"{AWS}" + " " * 5000 + "# pragma: allowlist secret", []),
            ("x" * 5000 + "\n" + AWS, [2]),
            ("postgresql://{user}:{password}@host", []),
            ("postgresql://user:${PASSWORD}@host", []),
            ("postgresql://user:<password>@host", []),
            # pragma: allowlist nextline secret
            ("postgresql://user:hunter2@host", [1]),
            (f"\n\n{KEY}\n", [3]),
        ],
    )
    def test_which_lines(self, content: str, lines: list[int]) -> None:
        assert [one.line for one in no_secret(file(content), DEFAULTS)] == lines

    def test_binary_files_are_skipped_and_utf16_is_not(self) -> None:
        assert found(b"\0" + AWS.encode()) == []
        assert found(b"x" * 8192 + b"\n\0\n" + AWS.encode()) == ["a.py line 3: AWS Access Key"]
        assert found(f"\ufeff{AWS}".encode("utf-16-le")) == ["a.py line 1: AWS Access Key"]
        assert found(b"\xe9 \xff " + AWS.encode()) == ["a.py line 1: AWS Access Key"]

    @pytest.mark.parametrize("at", [0, 1, 100, 4095, 4096, 8191, 999_000])
    def test_a_token_anywhere_in_a_long_line(self, at: int) -> None:
        line = "." * at + GITHUB + "." * (1_000_000 - at)
        assert found(f"\n{line}\n") == ["a.py line 2: GitHub Token"]

    def test_a_large_text_is_looked_into(self) -> None:
        assert found("x = 1\n" * 400_000 + AWS) == ["a.py line 400001: AWS Access Key"]

    def test_many_lines(self) -> None:
        says = found(f"{AWS}\n" * 1000)
        assert says[:20] == [f"a.py line {number}: AWS Access Key" for number in range(1, 21)]
        assert says[20:] == ["a.py has more that may be secrets, from line 21"]

    def test_levels(self) -> None:
        assert no_secret(file(AWS), Config(rules=(("no-secret", "warn"),)))[0].severity == "warn"
        assert no_secret(file(AWS), Config(rules=(("no-secret", "off"),))) == []
        assert no_secret(NewFile("a", 99 * MIB, None), DEFAULTS) == []

    def test_no_detector_goes_over_the_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def verify(*_: object, **__: object) -> None:
            raise AssertionError("a detector asked a server")

        for hint in HINTS:
            monkeypatch.setattr(type(secrets.detector(hint)), "verify", verify)
        token = "sk_live_" + "a1B2" * 6
        assert found(f"{AWS}\n{token}\n") == ["a.py line 1: AWS Access Key", "a.py line 2: Stripe Access Key"]

    @pytest.mark.parametrize(
        "text",
        [
            "eyJ" * 100_000,
            # pragma: allowlist nextline secret
            "//" * 25_000 + "/:_authToken=npm_",
            ("//" * 500 + "/:_auth" + "Token=npm_\n") * 300,
            "key" + " " * 100_000 + "x" * 45 + " token=" + "x" * 44,
            ("sk-" * 700 + "T3BlbkFJ" + "a" * 20 + "\n") * 150,
            ("aws" * 100_000) + "key",
            "://a:" * 60_000,
            ("AKIA" + "A" * 16 + " " + "# pragma: allowlist secre" * 80 + "\n") * 100,
        ],
        ids=lambda text: text[:12].strip(),
    )
    def test_hostile_texts_take_bounded_time(self, text: str) -> None:
        secrets.detector(HINTS[0])
        price = cost(lambda: no_secret(file(text), DEFAULTS), rounds=1)
        assert price < 500  # at most 80


def _detectors() -> dict[str, type[BasePlugin]]:
    """All detectors that detect-secrets has, by class."""
    all_of_them = {}
    for module in pkgutil.iter_modules(detect_secrets.plugins.__path__):
        for name, thing in vars(import_module(f"detect_secrets.plugins.{module.name}")).items():
            is_concrete = (
                isinstance(thing, type)
                and issubclass(thing, BasePlugin)
                and isinstance(vars(thing).get("secret_type"), str)
            )
            if is_concrete and not name.startswith("_"):
                all_of_them[name] = thing
    return all_of_them


class TestPrefilter:
    """What a detector finds, the cheap question in front of it finds."""

    def test_every_detector_is_known(self) -> None:
        assert sorted(_detectors()) == sorted([*(hint.detector for hint in HINTS), *NOT_ASKED])

    @pytest.mark.parametrize("hint", HINTS, ids=lambda hint: hint.module)
    def test_it_finds_whatever_the_detector_finds(self, hint: secrets.Hint) -> None:
        detector = secrets.detector(hint)
        tried = 0
        for regex in detector.denylist:
            is_found = 0

            @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(
                st.from_regex(regex, fullmatch=True),
                st.sampled_from(["", " ", "x", '"', "=", "\u212a"]),
                st.sampled_from(["", " ", "x", '"', ";", "\u017f"]),
            )
            def check(token: str, before: str, after: str) -> None:
                nonlocal is_found, tried
                line = re.sub(r"[\r\n]", " ", f"{before}{token}{after}")
                tried += 1
                is_seen = list(detector.analyze_string(line)) != []
                assume(is_seen)
                is_found += 1
                text = f"first\n{line}\nlast"
                assert hint in secrets.suspect_lines(text).get(2, {})

            if hint.module == "jwt":
                continue  # hardly any string of its expression is a token: below
            check()
            assert is_found > 20
        assert hint.module == "jwt" or tried >= 60

    @given(st.dictionaries(st.text(max_size=9), st.integers(), max_size=9), st.binary(max_size=64))
    def test_web_tokens(self, claims: dict[str, int], signature: bytes) -> None:
        from base64 import urlsafe_b64encode

        parts = [b'{"alg":"HS256"}', json.dumps(claims).encode(), signature]
        token = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        assert found(f"\nt = '{token}'") == ["a.py line 2: JSON Web Token"]

    @given(st.text())
    def test_it_finds_whatever_any_detector_finds_in_any_text(self, text: str) -> None:
        line = re.sub(r"[\r\n]", " ", text)
        seen = {hint for hint in HINTS if list(secrets.detector(hint).analyze_string(line))}
        assert seen <= set(secrets.suspect_lines(line).get(1, {}))


FRAGMENTS = [
    *(
        AWS,
        GITHUB,
        KEY,
        "aws_secret_key = '",
        "key = ",
        "://a:b" + "@",
        "eyJhbGciOiJIUzI1NiJ9.",
        "xoxb-1-",
        "\n",
        "\r",
        "\0",
    ),
    *("# pragma: allowlist secret", '{"cells": [', '"outputs": [', "]}", "\ufeff", "\u212aey", "\ud800", " " * 50),
]


class TestAnyBytes:
    @settings(max_examples=1000, deadline=None)
    @given(
        st.binary()
        | st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5)).map(
            lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
        ),
        st.sampled_from(["a.py", "x.ipynb", "-\n\udcff.ipynb", "a.yaml"]),
    )
    def test_no_bytes_make_a_rule_raise(self, content: bytes, path: str) -> None:
        violations = judge([file(content, path)], DEFAULTS)
        assert {one.rule for one in violations} <= {"clean-notebook", "no-secret"}
        assert all(one.path == path and one.what.isprintable() for one in violations)

    @settings(max_examples=300, deadline=None)
    @given(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(
                        ["cells", "worksheets", "outputs", "metadata", "tags", "keep_output", "execution_count"]
                    ),
                    inner,
                )
            ),
        )
    )
    def test_no_json_makes_the_notebook_rule_raise(self, value: Any) -> None:
        raw = json.dumps(value).encode()
        assert len(clean_notebook(file(raw, "x.ipynb"), DEFAULTS)) <= 1
        assert verify_with_nbstripout(raw) in (True, False)


def test_the_rules_in_the_order_of_files() -> None:
    large = NewFile("b.bin", 9 * MIB, None)
    dirty = file(notebook(code(printed())) + b"\n", "c.ipynb")
    secret = file(AWS, "a.py")
    both = file(AWS, "d.ipynb")
    assert [(one.path, one.rule) for one in judge([large, dirty, secret, both], DEFAULTS)] == [
        ("b.bin", "no-large-file"),
        ("c.ipynb", "clean-notebook"),
        ("a.py", "no-secret"),
        ("d.ipynb", "clean-notebook"),
        ("d.ipynb", "no-secret"),
    ]


@pytest.mark.parametrize(
    ("path", "size", "off", "is_read"),
    [
        ("a.py", 10, (), True),
        ("a.py", contents.LARGEST_READ + 1, (), False),
        ("a.py", 10, ("no-secret",), False),
        ("a.ipynb", 10, ("no-secret",), True),
        ("a.ipynb", 10, ("no-secret", "clean-notebook"), False),
    ],
)
def test_what_is_worth_reading(path: str, size: int, off: tuple[str, ...], is_read: bool) -> None:
    config = Config(rules=tuple((rule, "off") for rule in off))
    assert is_worth_reading(path, size, config) is is_read


def test_this_projects_own_files_pass() -> None:
    folders = ("benchmarks", "docs", "experiments", "gitml", "stages", "tests")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.*")) if path.is_file()]
    files = [path for path in files if "__pycache__" not in path.parts]
    assert len(files) > 150
    told = judge([file(path.read_bytes(), str(path.relative_to(ROOT))) for path in files], DEFAULTS)
    assert [one.what for one in told] == []
