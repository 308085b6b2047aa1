"""Setting parameters by name: only their values change in a file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gitml.pipeline import overrides, param_files, yaml12
from gitml.pipeline.overrides import Known, Override, Value, WrongParameter

KNOWN = [
    Known("params.yaml", "train.mlp.lr", 1e-3, True),
    Known("params.yaml", "train.hgb.lr", 0.1, False),
    Known("params.yaml", "train.model", "mlp", True),
    Known("params.yaml", "features.model", "x", True),
    Known("sub/params.yaml", "seed", 7, True),
    Known("params.yaml", "seed", 7, True),
    Known("params.yaml", "lone", 7, False),
]


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("lr=3e-4", "lr", [(3e-4, "3e-4")]),
        ("a = 1, 2", "a", [(1, "1"), (2, "2")]),
        ("a=[1, 2],[3]", "a", [([1, 2], "[1, 2]"), ([3], "[3]")]),
        ('a="x, y"', "a", [("x, y", '"x, y"')]),
        ("a='it''s, z'", "a", [("it's, z", "'it''s, z'")]),
        ("a=", "a", [(None, "null")]),
        ("a=null,true,yes", "a", [(None, "null"), (True, "true"), ("yes", "yes")]),
        ("a={b: 1, c: [2, 3]}", "a", [({"b": 1, "c": [2, 3]}, "{b: 1, c: [2, 3]}")]),
        ("a=b: c", "a", [({"b": "c"}, '{"b": "c"}')]),
        ("a=010", "a", [(10, "010")]),
        ("f.yaml:a.b=x=y", "f.yaml:a.b", [("x=y", "x=y")]),
    ],
)
def test_an_option_is_a_name_and_values(text: str, name: str, values: list[tuple[Any, str]]) -> None:
    assert overrides.parse(text) == (name, [Value(*value) for value in values])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("lr", "'lr' sets nothing"),
        ("=3", "'=3' sets nothing"),
        (".lr=3", "'.lr=3' sets nothing"),
        ("a=[1", "'a=[1' has a value that is no YAML"),
        ("a='", '"a=\'" has a value that is no YAML'),
    ],
)
def test_what_is_no_option_is_refused(text: str, what: str) -> None:
    with pytest.raises(WrongParameter) as caught:
        overrides.parse(text)
    assert caught.value.what == what
    assert caught.value.mend


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("train.mlp.lr", 0),
        ("mlp.lr", 0),
        ("lr", 0),
        ("train.model", 2),
        ("sub/params.yaml:seed", 4),
        ("params.yaml:seed", 5),
    ],
)
def test_a_name_or_an_end_of_it_finds_one_parameter(name: str, found: int) -> None:
    assert overrides.find(name, KNOWN) is KNOWN[found]


@pytest.mark.parametrize(
    ("name", "what", "why"),
    [
        ("model", "'model' may mean several parameters", "train.model, features.model."),
        ("r", "there is no parameter 'r'", ""),
        ("mlp.lrr", "there is no parameter 'mlp.lrr'", "Did you mean train.mlp.lr?"),
        ("hgb.lr", "no stage depends on train.hgb.lr", "Setting it would change nothing"),
        ("lone", "no stage depends on lone", "Setting it would change nothing"),
        ("other.yaml:seed", "there is no parameter 'other.yaml:seed'", ""),
    ],
)
def test_a_name_that_means_none_or_several_is_refused(name: str, what: str, why: str) -> None:
    with pytest.raises(WrongParameter) as caught:
        overrides.find(name, KNOWN)
    assert caught.value.what == what
    assert caught.value.why.startswith(why)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a: 1 # one\nb: 2\n", "a: 9 # one\nb: 2\n"),
        ("a: '1'\n", "a: 9\n"),
        ('b: x\r\na: "1"   # why\r\nc: 3\r\n', "b: x\r\na: 9   # why\r\nc: 3\r\n"),
        ("{b: 1, a: 2, c: 3}\n", "{b: 1, a: 9, c: 3}\n"),
        ("a:\nb: 2\n", "a: 9\nb: 2\n"),
        ("a:\n- 1\n- 2\n# end\nb: 1\n", "a: 9\n# end\nb: 1\n"),
        ("a: # what\n  x: 1\nb: 1\n", "a: 9\nb: 1\n"),
        ("a: |\n  text\n  more\nb: 1\n", "a: 9\nb: 1\n"),
        ("a: >-\n  text\nb: 1", "a: 9\nb: 1"),
        ("a: 1", "a: 9"),
        ("? a\n: 1\n", "? a\n: 9\n"),
        ('"a": 1\n', '"a": 9\n'),
        ("a: !!int 1\nb: 1\n", "a: 9\nb: 1\n"),
        ("\ufeffa: 1\n", "\ufeffa: 9\n"),
        ("---\na: 1\n", "---\na: 9\n"),
        ("a: [1,\n 2]\nb: 1\n", "a: 9\nb: 1\n"),
        ("ü: é\na: 😀\nb: ü\n", "ü: é\na: 9\nb: ü\n"),
        ("b: 'x\u2028y'\na: 1\n", "b: 'x\u2028y'\na: 9\n"),
    ],
)
def test_only_the_value_changes_in_yaml(old: str, new: str) -> None:
    changed = param_files.apply("params.yaml", old.encode(), {"a": Value(9, "9")}).decode()
    assert changed == new
    expected = yaml12.load(old.encode())
    expected["a"] = 9
    assert yaml12.load(changed.encode()) == expected


@pytest.mark.parametrize(
    "text",
    ["x: &x {a: 1}\ny: *x\n", "d: &d\n  a: 1\nx:\n  <<: *d\n"],
)
def test_a_value_that_is_shared_is_refused(text: str) -> None:
    name = "y.a" if "y:" in text else "x.a"
    with pytest.raises(WrongParameter, match=r"params.yaml cannot be changed"):
        param_files.apply("params.yaml", text.encode(), {name: Value(9, "9")})


def test_json_toml_and_code() -> None:
    nine = {"a.b": Value(9, "9")}
    assert param_files.apply("p.json", b'{\n    "a": {"b": 1},\n    "c": "\xc3\xa9"\n}\n', nine) == (
        b'{\n    "a": {\n        "b": 9\n    },\n    "c": "\xc3\xa9"\n}\n'
    )
    assert param_files.apply("p.json", b'{"a": {"b": 1}}', nine) == b'{"a": {"b": 9}}'
    assert param_files.apply("p.toml", b"[a] # x\nb = 1 # y\n\nc = 'z'\n", nine) == b"[a] # x\nb = 9 # y\n\nc = 'z'\n"
    for path, content in (
        ("p.py", b"a = 1"),
        ("p.json", b"{"),
        ("p.toml", b"a ="),
        ("p.yaml", b"a: ["),
        ("p.yaml", b"c: 1"),
    ):
        with pytest.raises(WrongParameter):
            param_files.apply(path, content, nine)


def test_values_are_told_on_one_line() -> None:
    assert str(Override("params.yaml", "train.mlp.lr", 1e-3, 3e-4)) == "train.mlp.lr 0.001 -> 0.0003"
    told = [overrides.shown(one) for one in ("a b", "", "x\ny", None, True, 0.1 + 0.2, 1e-9, [1, "a"], {"b": None}, 10)]
    assert told == [
        "a b",
        '""',
        '"x\\ny"',
        "null",
        "true",
        "0.30000000000000004",
        "1e-09",
        '[1, "a"]',
        '{"b": null}',
        "10",
    ]


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans(), st.none()))
def test_a_value_is_written_so_that_it_is_read_back(value: Any) -> None:
    assert yaml12.load(f"a: {Value.of(value).text}".encode())["a"] == value


# Random files, made of lines as people write them.

WORDS = st.text("abcdefghij_", min_size=1, max_size=5).filter(lambda word: word not in ("n", "y"))
SCALARS = st.one_of(
    st.integers(-99, 99).map(str),
    st.sampled_from(["1e-3", "0.5", "true", "null", "~", "", "x y", "'q: #'", '"d\\n\\"e"', "é", "010", "yes", ".inf"]),
    st.lists(st.integers(0, 9).map(str), max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    WORDS.map(lambda word: f"{{{word}: 1, z{word}: 'v'}}"),
)
COMMENTS = st.sampled_from(["", "   # why", " # 'quoted: [", "\t# tab"])
NEW = st.sampled_from(
    [Value(9, "9"), Value(3e-4, "3e-4"), Value("x", "x"), Value([1, 2], "[1, 2]"), Value(None, "null")]
)


@st.composite
def yaml_files(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Return a text, and the dotted names in it whose values stand in one line of their own."""
    lines: list[str] = []
    names: list[str] = []

    def mapping(prefix: str, depth: int) -> None:
        for key in draw(st.lists(WORDS, min_size=1, max_size=4, unique=True)):
            if draw(st.booleans()):
                lines.append(draw(st.sampled_from(["", "# alone", "  # further in"])))
            indent = "  " * depth
            if depth < 2 and draw(st.integers(0, 3)) == 0:
                lines.append(f"{indent}{key}:{draw(COMMENTS)}")
                mapping(f"{prefix}{key}.", depth + 1)
                continue
            quoted = draw(st.sampled_from([key, f"'{key}'", f'"{key}"']))
            anchor = draw(st.sampled_from(["", "", "", f"&n{len(lines)} "]))
            value = draw(SCALARS)
            lines.append(f"{indent}{quoted}: {anchor if value else ''}{value}{draw(COMMENTS)}")
            names.append(f"{prefix}{key}")

    mapping("", 0)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end])), names


@settings(max_examples=400, deadline=None)
@given(yaml_files(), st.data(), NEW)
def test_every_other_line_of_a_random_file_is_kept(
    file: tuple[str, list[str]], data: st.DataObject, new: Value
) -> None:
    text, names = file
    try:
        before = yaml12.load(text.encode())
    except yaml12.NotYaml:
        assume(False)
    name = data.draw(st.sampled_from(names))
    after = param_files.apply("params.yaml", text.encode(), {name: new}).decode()
    holder = before
    *path, last = name.split(".")
    for part in path:
        holder = holder[part]
    holder[last] = new.value
    assert repr(yaml12.load(after.encode())) == repr(before)
    old_lines, new_lines = text.splitlines(keepends=True), after.splitlines(keepends=True)
    assert len(old_lines) == len(new_lines)
    assert sum(old != now for old, now in zip(old_lines, new_lines, strict=True)) <= 1


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        WORDS, st.one_of(st.integers(), st.text(), st.dictionaries(WORDS, st.integers(), min_size=1)), min_size=1
    ),
    st.data(),
    NEW,
)
def test_json_says_the_same_but_for_one_value(content: dict[str, Any], data: st.DataObject, new: Value) -> None:
    name = data.draw(st.sampled_from(sorted(overrides.flatten(content))))
    after = json.loads(param_files.apply("p.json", json.dumps(content, indent=2).encode(), {name: new}))
    key, _, inner = name.partition(".")
    if inner:
        content[key][inner] = new.value
    else:
        content[key] = new.value
    assert after == content
