"""Commit messages: what git stores, which first lines are right, and the right line for a wrong one."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitml.conventions import commits
from gitml.conventions.commits import PREFIXES, Cleanup, CommitMessage, Fault, Prefix
from gitml.conventions.shell import quoted

EDITOR = Cleanup(has_editor=True)


@pytest.mark.parametrize(
    "subject",
    [
        "experiment: try lr",
        "data: ü",
        "infra: →",
        "model: x ",
        'Revert "model: wider"',
        'Revert "model: wider" (#41)',
        'Revert "model: wider" (!41)',
        'Reapply "model: wider"',
        'Revert "Revert "model: wider""',
        "fixup! model: wider",
        "squash! anything",
        "amend! anything",
        "infra: caf\udce9",
        "infra: \udce9",
    ],
)
def test_right(subject: str) -> None:
    assert commits.find_fault(subject) is None


@pytest.mark.parametrize(
    ("subject", "what", "mended"),
    [
        ("", "empty", ""),
        (" \t", "empty", ""),
        ("try lr", "no prefix", "experiment: try lr"),
        ("Experiment: try lr", "no prefix", "experiment: try lr"),
        ("experiment:try lr", "no prefix", "experiment: try lr"),
        ("experiment:  try lr", "no prefix", "experiment: try lr"),
        (" experiment: try lr", "no prefix", "experiment: try lr"),
        ("experiments(lr)!: try", "no prefix", "experiment: try"),
        ("exp: try", "no prefix", "experiment: try"),
        ("[model] wider", "no prefix", "model: wider"),
        ("feat: wider", "no prefix", "experiment: wider"),
        ("todo: wider", "no prefix", "experiment: todo: wider"),
        ("data loader", "no prefix", "experiment: data loader"),
        ("Merge branch 'x'", "no prefix", "experiment: Merge branch 'x'"),
        ("revert model: wider", "no prefix", "experiment: revert model: wider"),
        ('Revert "', "no prefix", 'experiment: Revert "'),
        ('Revert ""', "no prefix", 'experiment: Revert ""'),
        ("fixup!", "no prefix", "experiment: fixup!"),
        ("fixup! ", "no prefix", "experiment: fixup!"),
        ("# infra: x", "no prefix", "experiment: # infra: x"),
        ("infra:", "no subject", ""),
        ("infra: \u200b", "no subject", ""),
        ("infra: \u202e", "no subject", ""),
        ("\ufeffinfra: x", "byte order mark", "infra: x"),
        ("\ufeff", "byte order mark", ""),
        ("\u200b", "no prefix", ""),
    ],
)
def test_wrong(subject: str, what: str, mended: str) -> None:
    assert commits.find_fault(subject) == Fault(what, subject.rstrip(), mended)


@given(st.text(max_size=60), st.sampled_from(["experiment", "infra"]))
@example("infra: infra: ", "infra")
@example("[x]: ", "infra")
def test_what_is_mended_is_right_and_stays_so(subject: str, likely: str) -> None:
    fault = commits.find_fault(subject, likely=likely)
    if fault is not None and fault.mended:
        assert commits.find_fault(fault.mended) is None
        assert commits.mend(fault.mended, PREFIXES, likely) == fault.mended


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cf", "Cn", "Co")), min_size=1))
def test_a_prefix_and_something_to_see_is_always_right(said: str) -> None:
    assert commits.find_fault(f"infra: {said}") is None


@pytest.mark.parametrize(
    ("branch", "prefix"),
    [("main", "experiment"), ("data/x", "data"), ("infra/x", "infra"), ("models/m-v1", "model"), ("", "experiment")],
)
def test_the_branch_hints_at_the_prefix(branch: str, prefix: str) -> None:
    assert commits.likely_prefix(branch, PREFIXES) == prefix
    assert commits.likely_prefix(branch, [Prefix("feat"), Prefix("fix")]) == "feat"


lines = st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=("Cs",)), min_size=1).filter(
    lambda line: line.strip(" \t") == line
)


@given(lines, st.lists(lines, max_size=3))
def test_a_message_written_and_read_is_the_same(subject: str, body: list[str]) -> None:
    message = CommitMessage(subject, "\n".join(body))
    assert commits.parse(str(message)) == message


@settings(max_examples=120, deadline=None)
@given(st.text(st.sampled_from("#; ab\n\t\r\f\v\xa0é"), max_size=30), st.sampled_from(["#", ";"]), st.booleans())
def test_git_stores_the_same(text: str, comment: str, has_editor: bool) -> None:
    words = ["git", "-c", f"core.commentChar={comment}", "stripspace", *(["-s"] if has_editor else [])]
    stored = subprocess.run(words, input=text.encode(), capture_output=True, check=True).stdout.decode()
    cleanup = Cleanup(has_editor, comment)
    assert commits.as_stored(text, cleanup) == stored
    place = commits.find_subject(text, cleanup)
    subject = text[place[0] : place[1]].rstrip(" \t\r\n") if place is not None else ""
    assert subject == commits.parse(stored).subject


SCISSORS = f"# {commits.CUT}\n"


@pytest.mark.parametrize(
    ("text", "cleanup", "stored"),
    [
        (f"infra: x\n{SCISSORS}# Do not\ndiff --git", EDITOR, "infra: x\n"),
        (f"infra: x\n{SCISSORS}# Do not\n", EDITOR, "infra: x\n"),
        (f"infra: x\n{SCISSORS}pasted", EDITOR, "infra: x\npasted\n"),
        (f"{SCISSORS}# Do not\ndiff --git", EDITOR, ""),
        (f"infra: x\n{SCISSORS}diff", Cleanup(), f"infra: x\n{SCISSORS}diff\n"),
        (f"{SCISSORS}infra: x\n", EDITOR, "infra: x\n"),
        (f"infra: x\n; {commits.CUT}\n;\ndiff a", Cleanup(True, ";"), "infra: x\n"),
        ("# x\ny\n", Cleanup(True, mode="scissors"), "# x\ny\n"),
        ("# x\ny\n", Cleanup(True, mode="whitespace"), "# x\ny\n"),
        ("\n# x\ny\n\n", Cleanup(True, mode="verbatim"), "\n# x\ny\n\n"),
        ("# x\ny\n", Cleanup(False, mode="strip"), "y\n"),
        ("// x\ny\n", Cleanup(True, "//"), "y\n"),
        ("# x\ny\n\n; Please enter\n; with\n;\n", Cleanup(True, "auto"), "# x\ny\n"),
        ("# x\ny\n", Cleanup(True, "auto"), "# x\ny\n"),
        (";\n", Cleanup(True, "auto"), ";\n"),
        ("# x\n# y\n# z\n", Cleanup(True, "auto"), ""),
        ("# x\n# y\n# z\n", Cleanup(False, "auto", "strip"), "# x\n# y\n# z\n"),
        (f"# {commits.CUT}", EDITOR, ""),
        (f"# {commits.CUT}", Cleanup(True, mode="scissors"), f"# {commits.CUT}\n"),
        (f"# x\ny\n; {commits.CUT}\n; z", Cleanup(True, "auto"), "# x\ny\n"),
        ("", EDITOR, ""),
    ],
)
def test_clean_up(text: str, cleanup: Cleanup, stored: str) -> None:
    assert commits.as_stored(text, cleanup) == stored


@given(
    st.binary(), st.sampled_from(["utf-8", "latin-1", "cp1252", "utf-16", "shift_jis", "utf-7", "none", "\0", "hex"])
)
def test_any_bytes_are_read_and_come_back(raw: bytes, encoding: str) -> None:
    text, used = commits.decode(raw, encoding)
    assert text.encode(used, "surrogateescape") == raw


@given(
    st.text(), st.text(max_size=3), st.sampled_from(["default", "strip", "scissors", "verbatim", "zzz"]), st.booleans()
)
def test_no_message_is_too_odd(text: str, comment: str, mode: str, has_editor: bool) -> None:
    cleanup = Cleanup(has_editor, comment, mode)
    stored = commits.as_stored(text, cleanup)
    commits.find_fault(commits.parse(stored).subject)
    assert (commits.find_subject(text, cleanup) is None) == (not stored.strip(" \t\r\n"))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
@example("$(x) `x` \\ ! \" '")
def test_a_shell_reads_what_was_quoted(text: str) -> None:
    done = subprocess.run(["sh", "-c", f"printf %s {quoted(text)}"], capture_output=True, check=True)
    assert done.stdout.decode() == text
