"""Commits by somebody who means harm: nothing crashes, nothing outside of the commit is read, nothing takes long."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.git.attributes import Attributes
from gitml.git.objects import Entry
from gitml.git.patterns import TooManyCrossings, parse
from gitml.pipeline import definition, lockfile, params, template
from gitml.pipeline.findings import Finding, Verdict
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.template import Style, Unresolved
from gitml.pipeline.verify import judge_snapshot

from .yardstick import cost

SECRET = "secret.txt"


class Blobs:
    """An object store of a dict; it stands where `git cat-file` would and counts what is asked."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def read(self, oid: str, largest: int) -> bytes | None:
        return self.read_each([oid], bytes, largest).get(oid)

    def read_each(self, oids: Any, make: Any, largest: int = 2**27) -> dict[str, Any]:
        return {oid: make(self.files[oid]) for oid in oids if len(self.files[oid]) <= largest}


def _judge(files: dict[str, bytes], **modes: str) -> Verdict:
    entries = [Entry(modes.get(path, "100644"), path, path) for path in files]
    return judge_snapshot(Snapshot(entries, Blobs(files)))  # type: ignore[arg-type]


STAGE = b"stages:\n  s:\n    cmd: x\n    deps: [%s]\n"
LOCK = b"schema: '2.0'\nstages:\n  s:\n    cmd: x\n    deps:\n    - path: %s\n      hash: md5\n      md5: a%031d\n"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "/etc/passwd",
        "a/../../secret.txt",
        "s3://bucket/x",
        "file:///etc/passwd",
        "ds://x",
        "remote://r/x",
    ],
)
def test_a_path_out_of_the_commit_is_not_followed(tmp_path: Path, path: str) -> None:
    (tmp_path / SECRET).write_text("x")
    quoted = f"'{path}'".encode()
    found = _judge({"dvc.yaml": STAGE % quoted, "dvc.lock": LOCK % (quoted, 1)})
    assert found.findings == (Finding("unverifiable", "s", "dep", path, "unclear", "it is outside of the project"),)


@pytest.mark.parametrize("place", ["wdir: ../..", "wdir: /etc", "vars: [../../x.yaml]", "vars: [/etc/passwd]"])
def test_a_folder_out_of_the_commit_is_not_followed(place: str) -> None:
    found = _judge(
        {"dvc.yaml": b"stages:\n  s:\n    cmd: x\n    deps: [a]\n    " + place.encode() + b"\n", "dvc.lock": b""}
    )
    assert [finding.kind for finding in found.findings] == ["unverifiable"]


def test_names_that_are_no_utf8() -> None:
    name = "caf\udce9"
    files = {name: b"1", f"d/{name}": b"2", "dvc.yaml": STAGE % b"d", "dvc.lock": LOCK % (b"d", 1)}
    assert [finding.name for finding in _judge(files).of("stale")] == ["d"]


def test_a_folder_that_is_a_file_too_deep() -> None:
    deep = "/".join("d" * 400)
    found = _judge({deep: b"x", "dvc.yaml": STAGE % deep[:-2].encode(), "dvc.lock": LOCK % (deep[:-2].encode(), 1)})
    assert [finding.kind for finding in found.findings] == ["stale"]


@pytest.mark.parametrize(
    "text",
    [
        b"stages: {s: {foreach: ${x}, do: {cmd: x}}}\nvars: [{x: [" + b"1, " * 20_000 + b"1]}]\n",
        b"stages: {s: {matrix: {" + b", ".join(b"a%d: [1, 2, 3, 4]" % at for at in range(20)) + b"}, cmd: x}}\n",
        b"a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nstages: {s: {foreach: [*b, *b], do: {cmd: x, deps: *b}}}\n",
        b"vars: [{x: '"
        + b"y" * 100_000
        + b"'}]\nstages: {s: {foreach: ["
        + b"1," * 5000
        + b"1], do: {cmd: '${x}${x}'}}}\n",
        b"stages: {s: {cmd: [" + b"[" * 90 + b"]" * 90 + b"]}}\n",
        b"stages: {s: {cmd: '${" + b"a." * 50_000 + b"a}'}}\n",
        b"stages: {s: {cmd: '" + b"${" * 50_000 + b"'}}\n",
        b"stages: {s: {cmd: x, deps: [{a: b}], outs: [[x]], params: [[x]], wdir: [x]}}\n",
        b"stages: {s: {cmd: x, outs: [a: 1, b: null], params: [1]}}\n",
        b"stages: {s: {cmd: x, outs: [[]]}, t: {cmd: x, deps: [[]]}, u: {cmd: x, params: [[]]}}\n",
        b"stages: {s: null}\n",
        b"stages: [s]\n",
        b"{1: 2}\n",
        b"stages: {1: {cmd: x}}\n",
        b"stages: {s: {foreach: {a: 1}}}\n",
        b"stages: {s: {matrix: [1], cmd: x}}\nmetrics: {a: b}\n",
    ],
)
def test_a_definition_that_means_harm(text: bytes) -> None:
    price = cost(lambda: _judge({"dvc.yaml": text, "dvc.lock": b"schema: '2.0'\n"}), rounds=1)
    assert price < 100  # at most 2
    found = _judge({"dvc.yaml": text, "dvc.lock": b"schema: '2.0'\n"})
    assert found.of("forged") == ()


_YAML = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["a", "${a}", "${a.b}x", "../x", "", "s", "x:y", "a.0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "stages",
                    "cmd",
                    "deps",
                    "outs",
                    "params",
                    "foreach",
                    "do",
                    "matrix",
                    "vars",
                    "wdir",
                    "path",
                    "md5",
                    "s",
                    "a",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(
    _YAML, _YAML, st.dictionaries(st.sampled_from(["cmd", "deps", "outs", "params", "foreach", "do", "matrix"]), _YAML)
)
def test_no_files_break_the_check(whole: Any, lock: Any, stage: Any) -> None:
    import json

    for text in (whole, {"stages": {"s": stage}}, {"stages": {"s": {"cmd": "x", **stage}}, "metrics": ["a"]}):
        files = {
            "dvc.yaml": json.dumps(text).encode(),
            "dvc.lock": json.dumps({"schema": "2.0", "stages": {"s": lock}}).encode(),
            "a.dvc": json.dumps(lock).encode(),
            "params.yaml": json.dumps(stage).encode(),
            "a": b"1",
        }
        assert _judge(files).of("uncovered") in (
            (),
            (Finding("uncovered", "", "metric", "a", "new", "dvc.yaml names it, and no stage writes it"),),
        )


@given(
    st.binary(max_size=60),
    st.binary(max_size=60),
    st.binary(max_size=60),
    st.sampled_from(["p.py", "p.toml", "p.json"]),
)
def test_no_bytes_break_the_check(one: bytes, other: bytes, third: bytes, name: str) -> None:
    _judge({"dvc.yaml": one, "dvc.lock": other, "x.dvc": third, ".gitattributes": one, ".dvcignore": other})
    text = f"stages:\n  s:\n    cmd: x\n    params: [{name}: [a]]\n".encode()
    lock = f"schema: '2.0'\nstages:\n  s:\n    cmd: x\n    params: {{{name}: {{a: 1}}}}\n".encode()
    _judge({"dvc.yaml": text, "dvc.lock": lock, name: third})


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"(" * 5000,
        b"a = " + b"-" * 50_000 + b"1",
        b"a = 1" + b"+1" * 50_000,
        b"\xff",
        b"\0",
        b"a = 1" * 2**18,
    ],
)
def test_python_that_means_harm(content: bytes) -> None:
    try:
        assert params.read("p.py", content) in ({}, {"a": 1})
    except params.NotParams:
        return


@pytest.mark.parametrize("name", ["p.json", "p.toml"])
def test_other_parameter_files_that_mean_harm(name: str) -> None:
    for content in (b"[" * 100_000, b"a=" + b"[" * 100_000, b"\xff", b"{" * 10):
        with pytest.raises(params.NotParams):
            params.read(name, content)


@pytest.mark.parametrize(
    "line",
    ["*a" * 40 + "b", "**/" * 30 + "x", "**/a/**/b", "[" * 500, "*" * 5000, "a\\", "[!]-a]*" * 30, "[z-a]", "?" * 900],
)
def test_a_pattern_that_means_harm(line: str) -> None:
    def match() -> None:
        pattern = parse(line)
        if pattern is not None:
            pattern.regex.fullmatch("a" * 4000)
            pattern.regex.fullmatch("a/" * 2000)

    price = cost(match, rounds=1)
    assert price < 50  # at most 2


def test_a_pattern_with_too_many_crossings_makes_folders_unverifiable() -> None:
    with pytest.raises(TooManyCrossings):
        parse("**/a/**/b/**/c/**/d")
    files = {
        ".dvcignore": b"**/a/**/b/**/c/**/d\n",
        "d/x": b"1",
        "dvc.yaml": STAGE % b"d",
        "dvc.lock": LOCK % (b"d", 1),
    }
    assert [finding.why for finding in _judge(files).findings] == ["a .dvcignore is not understood"]
    files[".gitattributes"] = files.pop(".dvcignore").replace(b"\n", b" filter=x\n")
    assert [finding.kind for finding in _judge(files).findings] == ["unverifiable"]


PATTERNS = [
    "*.py",
    "/a",
    "a/",
    "a/b",
    "**/b",
    "a/**",
    "a/**/c",
    "!*.py",
    "[ab]",
    "[!a]",
    "a?c",
    "\\!x",
    "\\#x",
    "*",
    "a*",
    "*b*/c",
    "[[]",
    "b/*",
]
PATHS = ["a", "b", "x.py", "a/b", "a/c", "a/b/c", "a/x.py", "abc", "a/abc", "!x", "#x", "b/a", "b/a/c", "[", "d/b/c"]


def test_patterns_mean_what_git_means(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for line in PATTERNS:
        if line.startswith("!"):
            continue
        (tmp_path / ".gitattributes").write_text("")
        (tmp_path / ".git" / "info" / "attributes").write_text("")
        pattern = parse(line)
        assert pattern is not None
        if pattern.is_folder_only:
            continue
        (tmp_path / ".git" / "info" / "attributes").write_text(f'"{line}" found\n'.replace("\\", "\\\\"))
        asked = subprocess.run(
            ["git", "check-attr", "-z", "--stdin", "found"],
            cwd=tmp_path,
            input="\0".join(PATHS),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")[:-1]
        theirs = {asked[at] for at in range(0, len(asked), 3) if asked[at + 2] == "set"}
        assert {path for path in PATHS if pattern.regex.fullmatch(path)} == theirs, line


def test_attributes_of_a_folder_count_there_only() -> None:
    found = Attributes(
        {"a/.gitattributes": b"*.txt filter=x\n# *.md filter=x\n*.md -filter\n", ".gitattributes": b"*.md ident\n"}
    )
    assert [
        path for path in ("a/b.txt", "b.txt", "a/c/d.txt", "ab.txt", "x.md", "a/x.md") if found.is_converted(path)
    ] == [
        "a/b.txt",
        "a/c/d.txt",
        "x.md",
        "a/x.md",
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("${a}", 1),
        ("x${a}", "x1"),
        ("${t} ${n} ${f}", "true None 1e-05"),
        ("\\${a}", "${a}"),
        ("${ l[1].k }", "v"),
        ("${o}", {"b": True, "c": False, "l": [1, "x y"], "d": {"e": 2}}),
        ("go ${o}", "go --b --l 1 'x y' --d.e 2"),
    ],
)
def test_a_template(source: str, expected: object) -> None:
    context = {"a": 1, "t": True, "n": None, "f": 1e-5, "l": [0, {"k": "v"}]}
    context["o"] = {"b": True, "c": False, "l": [1, "x y"], "d": {"e": 2}}
    assert template.resolve(source, context, "cmd") == expected


def test_a_mapping_in_another_style() -> None:
    style = Style(says_no=True, repeats=True)
    assert template.resolve("x ${o}", {"o": {"c": False, "l": [1, 2]}}, "cmd", style) == "x --no-c --l 1 --l 2"


@pytest.mark.parametrize("source", ["${none}", "${a.b}", "${l}", "${l[9]}", "${l[x]}", "${}", "x ${o}"])
def test_a_template_that_has_no_value(source: str) -> None:
    with pytest.raises(Unresolved):
        template.resolve(source, {"a": 1, "l": [1], "o": {"x": 1}}, "deps")


@pytest.mark.parametrize(
    ("name", "value"),
    [("a.b", 1), ("l.0", 5), ("l.-1", 6), ("3", "three"), ("a", {"b": 1}), (".a.b", 1)],
)
def test_a_dotted_name(name: str, value: object) -> None:
    assert params.select({"a": {"b": 1}, "l": [5, 6], 3: "three"}, name) == value


def test_dotted_names_that_mean_nothing_or_too_much() -> None:
    for name in ("x", "a.c", "l.2", "a.b.c", "l.x"):
        with pytest.raises(KeyError):
            params.select({"a": {"b": 1}, "l": [5, 6]}, name)
    for name in ("a.*", "[a]", "1"):
        with pytest.raises(params.Ambiguous):
            params.select({1: "a", "1": "b"}, name)


def test_values_that_are_the_same() -> None:
    assert params.drift({"a": float("nan"), "t": (1, [2])}, ["a", "t"], {"a": float("nan"), "t": [1, [2]]}) == []
    days = params.read("p.toml", b"day = 1979-05-27\n")
    assert [found.change for found in params.drift(days, ["day"], {"day": "1979-05-27"})] == ["unclear"]
    assert [found.change for found in params.drift([1], [], {})] == ["unclear"]


def test_a_lock_is_read() -> None:
    lock = lockfile.read(
        LOCK % (b"x", 7) + b"    outs:\n    - {path: y, md5: ABC.dir, nfiles: 2}\n    - {path: z, etag: q}\n"
    )
    assert lock["s"].deps == {"x": lockfile.Recorded(f"a{7:031}", True, None)}
    assert lock["s"].outs == {
        "y": lockfile.Recorded("abc.dir", False, 2),
        "z": lockfile.Recorded(None, False, None),
    }


def test_where_a_path_leads() -> None:
    cases = {
        ("", "a"): "a",
        ("a", ".."): "",
        ("a/b", "../c/"): "a/c",
        ("", ".."): None,
        ("a", "/x"): None,
        ("a", ""): None,
    }
    assert {case: definition.inside(*case) for case in cases} == cases
