"""The YAML above a report: read safely, and changed without touching its neighbours."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.pipeline import yaml12
from gitml.reports.front_matter import FrontMatter, Value, change, find


def headed(yaml: str) -> str:
    return f"---\n{yaml}---\nbody\n"


@pytest.mark.parametrize(
    ("before", "fields", "after"),
    [
        ("status: open # or closed\n", {"status": "done"}, "status: done # or closed\n"),
        ("# mine\nstatus:   'open'\nid: x\n", {"status": "done"}, "# mine\nstatus:   done\nid: x\n"),
        ("verdict:\nid: x\n", {"verdict": "accepted"}, "verdict: accepted\nid: x\n"),
        ("verdict: # none yet\nid: x\n", {"verdict": "yes"}, 'verdict: "yes" # none yet\nid: x\n'),
        ("verdict: rejected\n", {"verdict": None}, "verdict: \n"),
        (
            "tags: # first\n  - a\n  - b\n\n# of the team\nowner: bo\n",
            {"tags": ["c", "d: e"]},
            'tags: # first\n  [c, "d: e"]\n\n# of the team\nowner: bo\n',
        ),
        ("tags:\n- a\n- b\nid: x\n", {"tags": []}, "tags:\n  []\nid: x\n"),
        ("tags:\n- a\n# c\n- b\n", {"tags": [], "id": "y"}, "tags:\n- a\n# c\n- b\n"),
        ("tags: [a, # c\n b]\n", {"tags": []}, "tags: [a, # c\n b]\n"),
        ("status: 'a # b'\n", {"status": "c"}, "status: c\n"),
        ("tags: [a,\n  b]  # two\n", {"tags": ("z",)}, "tags: [z]  # two\n"),
        ("status: |\n  two\n  lines\n# kept\nid: x\n", {"status": "one"}, "status: one\n# kept\nid: x\n"),
        ("id: x\n", {"status": "a", "parent": "main"}, "id: x\nstatus: a\nparent: main\n"),
        ("", {"id": "x"}, "id: x\n"),
        ("# only a comment\n", {"id": "x"}, "# only a comment\nid: x\n"),
        ('"status": open\n', {"status": "done"}, '"status": done\n'),
        ("created: 2026-11-25\n", {"created": "2026-11-26"}, "created: 2026-11-26\n"),
        ("id: 7\n", {"id": "7"}, 'id: "7"\n'),
        # What cannot be read, or set without touching more, stays.
        ("id: x\nid: y\n", {"id": "z"}, "id: x\nid: y\n"),
        ("id: [\n", {"id": "z"}, "id: [\n"),
        ("- a\n", {"id": "z"}, "- a\n"),
        ("1: a\n", {"id": "z"}, "1: a\n"),
        ("{id: x}\n", {"status": "z"}, "{id: x}\n"),
        ("{id: x, b: 1}\n", {"id": "z"}, "{id: z, b: 1}\n"),
        ("id: &a x\nstatus: *a\n", {"id": "z"}, "id: &a x\nstatus: *a\n"),
        ("a: &a {b: 1}\n<<: *a\nid: x\n", {"b": "2"}, "a: &a {b: 1}\n<<: *a\nid: x\nb: \"2\"\n"),
        ("? status\n: open\n", {"status": "done"}, "? status\n: done\n"),
    ],
)  # fmt: skip
def test_a_field_is_set_and_its_neighbours_stay(before: str, fields: dict[str, Value], after: str) -> None:
    changed = change(headed(before), fields, "\n")
    assert changed == headed(after)
    assert change(changed, fields, "\n") == changed


def test_a_report_without_front_matter_gets_one() -> None:
    assert change("body", {"id": "x", "verdict": None}, "\n") == "---\nid: x\nverdict:\n---\n\nbody"
    assert change("\ufeffbody", {"id": "x"}, "\r\n") == "\ufeff---\r\nid: x\r\n---\r\n\r\nbody"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", FrontMatter()),
        ("---", FrontMatter()),
        ("---\nid: x\n", FrontMatter()),
        (" ---\nid: x\n---\n", FrontMatter()),
        ("\n---\nid: x\n---\n", FrontMatter()),
        ("---\nmine\n<!-- gitml:results -->\n---\n", FrontMatter()),
        ("---\n---", FrontMatter(4, 4, 7)),
        ("---\r\nid: x\r\n...\r\nbody", FrontMatter(5, 12, 17, {"id": "x"})),
        ("\ufeff--- \nid: x\n---\t\n", FrontMatter(6, 12, 17, {"id": "x"})),
        ("---\nid: x\nid: y\n---\n", FrontMatter(4, 16, 20, fault="a key stands twice in one mapping")),
        ("---\nwords\n---\n", FrontMatter(4, 10, 14, fault="it is no mapping of names")),
        ("---\n\ud800\n---\n", FrontMatter(4, 6, 10, fault="it is no UTF-8")),
        ("---\na: " + "x" * 2**16 + "\n---\n", FrontMatter(4, 65544, 65548, fault="it is larger than 64 KiB")),
    ],
)
def test_where_it_stands_and_what_it_says(text: str, found: FrontMatter) -> None:
    assert find(text) == found


WORDS = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["yes", "Null", "1e3", "2026-11-25", "2026-13-45", "a b", "a ", "#x", "- x", "~", "", "\x85", "\u2028", "é", "😀"]
)
NEIGHBOURS = st.lists(
    st.sampled_from(
        ["owner: bo  # keep", "# a comment", "", "note: |\n  x\n\n  y", "list:\n- 1\n# c\n- 2", "deep: {a: [1]}",
         "date: 2026-01-02",
         "tags: # a\n  - a\n  - b", "status: open", "id: 'x'", "parent: >-\n  main"]
    ),
    unique=True,
)  # fmt: skip


@given(NEIGHBOURS, st.dictionaries(st.sampled_from(["id", "status", "tags", "parent"]), WORDS | st.lists(WORDS)))
def test_whatever_is_set_is_read_back_and_the_other_lines_stay(lines: list[str], fields: dict[str, Value]) -> None:
    text = headed("".join(f"{line}\n" for line in lines))
    changed = change(text, fields, "\n")
    kept = [line for line in lines if line.partition(":")[0] not in fields]
    at = 0
    for line in kept:
        at = changed.index(line, at) + len(line)
    clean = {
        key: re.sub("[\ud800-\udfff]", "\ufffd", value)
        if isinstance(value, str)
        else [re.sub("[\ud800-\udfff]", "\ufffd", each) for each in value or ()]
        for key, value in fields.items()
    }
    assert find(changed).fields == {**find(text).fields, **clean}
    assert (yaml12.load(changed[4 : find(changed).end].encode()) or {}).keys() == find(changed).fields.keys()
    assert change(changed, fields, "\n") == changed
