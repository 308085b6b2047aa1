"""gitml.toml: what it may say, and that each fault is told with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml import config
from gitml.config import DEFAULTS, Approvals, Config, Forge, Gate, Metric, WrongConfig
from gitml.conventions.commits import PREFIXES, Prefix

WHOLE = """\
# what our team decided
[commits]
prefixes = ["experiment", "feat", "fix"]

[branches]
extra = ["infra/*", "release-*"]

[metric]
name = "log_loss"
direction = "lower"

[rules]
commit-prefix = "warn"
no-secret = "off"
"""


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert config.read(str(tmp_path)) is DEFAULTS
    assert Config(PREFIXES, ("infra/*", "data/*", "revert-*", "dependabot/*"), None, ()) == DEFAULTS
    assert DEFAULTS.level("commit-prefix") == "error"


@pytest.mark.parametrize("content", ["", "\n", "# nothing yet\n", "[commits]\n[branches]\n[rules]\n"])
def test_a_file_that_says_nothing_means_the_defaults(content: str) -> None:
    assert config.parse(content.encode()) == DEFAULTS


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_whole_file(tmp_path: Path, ends: str, mark: bytes) -> None:
    (tmp_path / "gitml.toml").write_bytes(mark + WHOLE.replace("\n", ends).encode())
    found = config.read(str(tmp_path))
    assert found == Config(
        (Prefix("experiment", "trying an idea"), Prefix("feat"), Prefix("fix")),
        ("infra/*", "release-*"),
        Metric("log_loss", "lower"),
        (("commit-prefix", "warn"), ("no-secret", "off")),
    )
    assert [found.level(rule) for rule in ("commit-prefix", "no-secret", "gates")] == ["warn", "off", "error"]


def test_who_agrees_and_where() -> None:
    found = config.parse(
        b'[approvals]\nneeded = 2\nsigners = ".people/signers"\nsigned_releases = true\n[forge]\nkind = "gitea"\n'
    )
    assert found.approvals == Approvals(2, ".people/signers", True)
    assert found.forge == Forge("gitea")
    assert (DEFAULTS.approvals.needed, DEFAULTS.forge.kind) == (0, "")
    assert DEFAULTS.changed(since="1" * 40) == Config(since="1" * 40)


def test_prefixes_may_say_what_they_are_for() -> None:
    found = config.parse(b'[commits.prefixes]\nfeat = "something new"\nfix = "something mended"\n')
    assert found.prefixes == (Prefix("feat", "something new"), Prefix("fix", "something mended"))


FAULTS = [
    ("[commit]\n", "line 1: 'commit' is unknown", "Did you mean commits?"),
    (
        "\n\n[zzz]\n",
        "line 3: 'zzz' is unknown",
        "There are commits, branches, metric, rules, files, gates, approvals, forge, adoption.",
    ),
    ("[approvals]\nneeded = -1\n", "line 2: needed is a number of people", "For example needed = 1."),
    ("[approvals]\nneeded = true\n", "line 2: needed is a number of people", "For example needed = 1."),
    (
        '[approvals]\nsigners = "../x"\n',
        "line 2: signers is a file of this repository",
        'For example "allowed_signers".',
    ),
    (
        '[approvals]\nsigners = "/etc/x"\n',
        "line 2: signers is a file of this repository",
        'For example "allowed_signers".',
    ),
    ("[approvals]\nsigned_releases = 1\n", "line 2: signed_releases is true or false", ""),
    ("[approvals]\nneed = 1\n", "line 2: 'approvals.need' is unknown", "Did you mean needed?"),
    ('[forge]\nkind = "hub"\n', "line 2: there is no forge 'hub'", "There are github, gitlab, gitea, none."),
    ('[forge]\nurl = "x"\n', "line 2: 'forge.url' is unknown", "There are kind."),
    ("commits = 3\n", "line 1: commits is a table", "Write [commits] on a line of its own."),
    ("[commits]\nprefix = []\n", "line 2: 'commits.prefix' is unknown", "Did you mean prefixes?"),
    ("commits.prefix = []\n", "line 1: 'commits.prefix' is unknown", "Did you mean prefixes?"),
    ('commits = {"prefi\\u0078" = []}\n', "line 1: 'commits.prefix' is unknown", "Did you mean prefixes?"),
    (
        '[commits]\nprefixes = "infra"\n',
        "line 2: prefixes is a list of words",
        'For example prefixes = ["experiment", "infra"].',
    ),
    (
        "[commits]\nprefixes = [1]\n",
        "line 2: prefixes is a list of words",
        'For example prefixes = ["experiment", "infra"].',
    ),
    (
        "[commits]\nprefixes = []\n",
        "line 2: prefixes is empty",
        "Set the rule commit-prefix to off if any message is right.",
    ),
    (
        '[commits]\n# ours\nprefixes = [\n  "a",\n  "b c",\n]\n',
        "line 3: 'b c' cannot be a prefix",
        "A prefix is a word of ASCII letters, digits, - and _.",
    ),
    ('[commits]\nprefixes = ["a", "a"]\n', "line 2: a prefix stands in the list twice", ""),
    (
        '[commits.prefixes]\na = "x"\nb = 1\n',
        "line 3: what b is for is one line of text",
        'For example b = "trying an idea".',
    ),
    (
        '[branches]\nextra = "x"\n',
        "line 2: extra is a list of patterns",
        'For example extra = ["infra/*", "release-*"].',
    ),
    ('[branches]\nextra = ["a b/*"]\n', "line 2: 'a b/*' fits no name that git allows", ""),
    (
        '[branches]\nextra = ["*"]\n',
        "line 2: '*' also fits gitml's own branches",
        "Put a word of yours before the *.",
    ),
    ("[metric]\n", "line 1: metric needs a name", 'For example name = "roc_auc".'),
    ("[metric]\nname = 3\n", "line 2: metric needs a name", 'For example name = "roc_auc".'),
    (
        '[metric]\nname = "auc"\n\ndirection = "up"\n',
        "line 4: direction is not 'up'",
        'It is "higher" or "lower".',
    ),
    ('[rules]\ncommit-prefix = "no"\n', "line 2: commit-prefix is not 'no'", 'It is "error", "warn" or "off".'),
    ("[rules]\ncommit-prefix = []\n", "line 2: commit-prefix is not []", 'It is "error", "warn" or "off".'),
    ('[rules]\ncomit-prefix = "off"\n', "line 2: 'rules.comit-prefix' is unknown", "Did you mean commit-prefix?"),
    ('[metric]\nname = "auc\n', "line 2: illegal character '\\n'", ""),
    ('[metric]\nname = "auc"\nname = "b"\n', "line 3: cannot overwrite a value", ""),
    ("[metric]\nname =", "line 2: invalid value", ""),
]


@pytest.mark.parametrize(("content", "fault", "why"), FAULTS)
def test_a_fault_is_told_with_its_line(content: str, fault: str, why: str) -> None:
    with pytest.raises(WrongConfig) as caught:
        config.parse(content.encode())
    assert (caught.value.what, caught.value.why, caught.value.exit_code) == (f"gitml.toml {fault}", why, 2)


def test_a_file_that_is_no_text_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "gitml.toml").write_bytes(b"[metric]\n# caf\xe9\n")
    with pytest.raises(WrongConfig, match=r"^gitml.toml line 2: not UTF-8$"):
        config.read(str(tmp_path))


def test_a_folder_of_that_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "gitml.toml").mkdir()
    with pytest.raises(WrongConfig, match=r"^gitml.toml: cannot be read$"):
        config.read(str(tmp_path))


def test_a_file_as_large_as_a_data_set_is_not_read() -> None:
    with pytest.raises(WrongConfig, match=r"^gitml.toml: larger than 1048576 bytes$"):
        config.parse(b"#" * (2**20 + 1))


def test_a_file_nested_without_end_is_told() -> None:
    with pytest.raises(WrongConfig):
        config.parse(b"a = " + b"[" * 50_000)


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_read_or_told(content: bytes) -> None:
    try:
        assert isinstance(config.parse(content), Config)
    except WrongConfig as wrong:
        assert wrong.what.startswith("gitml.toml")


@given(blank=st.integers(0, 5), comment=st.text("ab #[]=\"'", max_size=9), before=st.booleans())
def test_the_line_is_right_wherever_the_key_stands(blank: int, comment: str, before: bool) -> None:
    first = 'metric = {name = "a"}\n' if before else ""
    content = first + "\n" * blank + f"# {comment}\n[rules]\nno-secret = 'off'\ngates = [\n 1,\n]\n"
    assert tomllib.loads(content)
    with pytest.raises(WrongConfig) as caught:
        config.parse(content.encode())
    assert caught.value.line == before + blank + 4


def test_files_gates_and_adoption() -> None:
    since = "0123456789abcdef" * 4
    found = config.parse(
        b'[files]\nlargest = "2 MiB"\nlarge = ["docs/*.gif"]\n[metric]\nname = "rmse"\ndirection = "lower"\n'
        b"[gates.rmse]\ntolerance = 0.5\n[gates.roc_auc]\nmin = 0.7\nmax = 1\n"
        b'[gates."interval.roc_auc.low"]\nmin = 0\ndirection = "higher"\n[adoption]\nsince = "'
        + since.encode()
        + b'"\n'
    )
    assert found == Config(
        metric=Metric("rmse", "lower"),
        largest=2 * 2**20,
        large=("docs/*.gif",),
        gates=(
            Gate("rmse", None, None, 0.5, "lower"),
            Gate("roc_auc", 0.7, 1, None, "higher"),
            Gate("interval.roc_auc.low", 0, None, None, "higher"),
        ),
        since=since,
    )


@pytest.mark.parametrize(
    ("size", "bytes_"), [("1", 1), ('"7 B"', 7), ('"3 kB"', 3000), ('"2 MB"', 2_000_000), ('"1 GiB"', 2**30)]
)
def test_sizes(size: str, bytes_: int) -> None:
    assert config.parse(f"[files]\nlargest = {size}\n".encode()).largest == bytes_


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[files]\nlargest = 0", "line 2: largest is a size"),
        ("[files]\nlargest = true", "line 2: largest is a size"),
        ('[files]\nlargest = "5"', "line 2: largest is a size"),
        ('[files]\nlargest = "-5 MB"', "line 2: largest is a size"),
        ('[files]\nlargest = "5 parsec"', "line 2: largest is a size"),
        ("[files]\nlargest = [1]", "line 2: largest is a size"),
        ('[files]\nlarge = "x"', "line 2: large is a list of patterns"),
        ('[files]\nlarge = [""]', "line 2: large is a list of patterns"),
        ("[files]\nsmall = 1", "line 2: 'files.small' is unknown"),
        ("[gates]\nauc = 0.7", "line 2: the gate of auc is a table"),
        ("[gates.auc]", "line 1: the gate of auc asks nothing"),
        ("[gates.auc]\nleast = 1", "line 2: 'gates.auc.least' is unknown"),
        ("[gates.auc]\nmin = nan", "line 2: min is a finite number"),
        ("[gates.auc]\nmax = inf", "line 2: max is a finite number"),
        ('[gates.auc]\nmin = "0.7"', "line 2: min is a finite number"),
        ("[gates.auc]\nmin = true", "line 2: min is a finite number"),
        ("[gates.auc]\nmin = 0.7\nmax = 0.6", "line 3: max is less than min, so no auc passes"),
        ("[gates.auc]\ntolerance = -1", "line 2: tolerance is not negative"),
        ('[gates.auc]\nmin = 1\ndirection = "up"', "line 3: direction is not 'up'"),
        ('[gates.""]\nmin = 1', "line 1: '' cannot name a metric"),
        ("[adoption]", "line 1: since is the whole id of a commit"),
        ('[adoption]\nsince = "abc"', "line 2: since is the whole id of a commit"),
        (f'[adoption]\nsince = "{"G" * 40}"', "line 2: since is the whole id of a commit"),
        ("[adoption]\nsince = 1", "line 2: since is the whole id of a commit"),
    ],
)
def test_faults_of_files_gates_and_adoption(content: str, fault: str) -> None:
    with pytest.raises(WrongConfig) as caught:
        config.parse(content.encode())
    assert caught.value.what == f"gitml.toml {fault}"
