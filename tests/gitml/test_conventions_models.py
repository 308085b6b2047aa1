"""Model versions, GTO's tags, trailers, and the values that they are made of."""

from __future__ import annotations

import subprocess

import pytest
from gto.constants import Action
from gto.tag import parse_name
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitml.conventions import tags, trailers, versions
from gitml.conventions.branches import BranchName
from gitml.conventions.tags import GtoTag
from gitml.conventions.trailers import Trailer
from gitml.conventions.versions import ModelVersion

models = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True)
numbers = st.integers(1, 99_999)


class TestVersions:
    @pytest.mark.parametrize("text", ["v4", "model-v4", "model@v4.0.0", "models/model-v4"])
    def test_four_ways_to_write_one(self, text: str) -> None:
        assert versions.parse(text) == ModelVersion("model", 4)

    @pytest.mark.parametrize(
        "text",
        ["", "4", "v0", "v04", "model", "model@v4", "model@v4.0.1", "model@4.0.0", "promote/model-v4", "a/b-v4", "V4"],
    )
    def test_no_version(self, text: str) -> None:
        assert versions.parse(text) is None

    def test_a_bare_number_is_of_the_model_that_is_meant(self) -> None:
        assert versions.parse("v4", model="churn") == ModelVersion("churn", 4)

    @given(models, numbers)
    def test_written_and_read_is_the_same(self, model: str, number: int) -> None:
        version = ModelVersion(model, number)
        texts = [str(version), version.branch, version.tag]
        assert {versions.parse(text) for text in texts} == {version}
        assert tags.parse(version.tag) == GtoTag("register", model, f"v{number}.0.0")

    @given(st.text())
    def test_any_text_is_read(self, text: str) -> None:
        version = versions.parse(text)
        assert version is None or text in (f"v{version.number}", str(version), version.branch, version.tag)


TAGS = {
    "model@v1.2.3": GtoTag("register", "model", "v1.2.3"),
    "model@v1.2.3-rc.1+b#2": GtoTag("register", "model", "v1.2.3-rc.1+b", counter=2),
    "model@v1.2.3!": GtoTag("deregister", "model", "v1.2.3"),
    "model#production#3": GtoTag("assign", "model", stage="production", counter=3),
    "model#production": GtoTag("assign", "model", stage="production"),
    "model#production!#4": GtoTag("unassign", "model", stage="production", counter=4),
    "model@deprecated": GtoTag("deprecate", "model"),
    "sub/dir=model@v1.0.0": GtoTag("register", "sub/dir:model", "v1.0.0"),
}
WORDS = {
    Action.REGISTER: "register",
    Action.DEREGISTER: "deregister",
    Action.ASSIGN: "assign",
    Action.UNASSIGN: "unassign",
    Action.DEPRECATE: "deprecate",
}


class TestTags:
    @pytest.mark.parametrize(("text", "tag"), TAGS.items())
    def test_what_a_tag_says(self, text: str, tag: GtoTag) -> None:
        assert tags.parse(text) == tag
        assert str(tag) == text

    @pytest.mark.parametrize(
        "text", ["", "model", "model@1.0.0", "a.b@v1.0.0", "model@v1.0.0\n", "model@v01.0.0", "#a"]
    )
    def test_no_tag_of_gto(self, text: str) -> None:
        assert tags.parse(text) is None

    @given(
        st.from_regex(
            r"([a-c./]+=)?[a-c/_-]{1,4}(@v[01]\.[0-9]\.0(-[a1.]+)?|#[a-c]+|@deprecated)!?(#[0-9]+)?", fullmatch=True
        )
    )
    @example("a@deprecated!")
    def test_gto_reads_the_same(self, text: str) -> None:
        ours, theirs = tags.parse(text), parse_name(text, raise_on_fail=False)
        if ours is None:  # a counter of 0, or with leading zeros, GTO reads and never writes
            assert not theirs or text.rpartition("#")[2].startswith("0")
            return
        assert str(ours) == text
        assert ours == GtoTag(
            WORDS[theirs["action"]],
            theirs["name"],
            theirs.get("version", ""),
            theirs.get("stage", ""),
            theirs.get("counter", 0),
        )

    def test_the_next_counter_is_over_all_tags_of_the_artifact(self) -> None:
        found = ["model#dev#2", "model#production!#7", "other#dev#9", "model@v1.0.0", "v1.0"]
        assert tags.next_counter("model", found) == 8
        assert tags.next_counter("new", found) == 1


keys = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
values = st.text(st.characters(exclude_characters="\n\r\0\v\f", exclude_categories=("Cs",)), max_size=20).map(str.strip)


class TestTrailers:
    def test_git_reads_the_same(self) -> None:
        for message in MESSAGES:
            words = ["git", "interpret-trailers", "--parse"]
            done = subprocess.run(words, input=message, capture_output=True, text=True, check=True)
            ours = "".join(f"{trailer}\n" for trailer in trailers.parse(message))
            assert ours.replace(":\n", ": \n") == done.stdout.replace(":\n", ": \n"), message

    @given(st.lists(st.builds(Trailer, keys, values), min_size=1, max_size=4))
    def test_written_and_read_is_the_same(self, some: list[Trailer]) -> None:
        message = trailers.append("model: release model-v4\n\nIts story.\n", some)
        assert trailers.parse(message) == tuple(some)
        assert trailers.append("model: release model-v4\n\nIts story.", some[:1]) == trailers.append(
            "model: release model-v4\n\nIts story.\n\n", some[:1]
        )

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.builds(Trailer, keys, values), min_size=1, max_size=3))
    def test_git_reads_what_was_written(self, some: list[Trailer]) -> None:
        message = trailers.append("model: release model-v4", some)
        words = ["git", "interpret-trailers", "--parse"]
        done = subprocess.run(words, input=message.encode(), capture_output=True, check=True).stdout.decode()
        assert [line.rstrip(": ") for line in done.split("\n")[:-1]] == [str(one).rstrip(": ") for one in some]

    def test_more_trailers_join_those_that_are_there(self) -> None:
        message = trailers.append("infra: x\n\nA: 1\n", [Trailer("B", "2")])
        assert message == "infra: x\n\nA: 1\nB: 2\n"
        assert trailers.append("infra: x", []) == "infra: x\n"

    @pytest.mark.parametrize(
        "trailer", [Trailer("a b", "x"), Trailer("", "x"), Trailer("A", "x\ny"), Trailer("A", " x")]
    )
    def test_what_git_would_not_read_back_is_not_written(self, trailer: Trailer) -> None:
        with pytest.raises(ValueError, match="not the"):
            trailers.append("infra: x", [trailer])

    @given(st.text())
    def test_any_message_is_read(self, message: str) -> None:
        assert isinstance(trailers.parse(message), tuple)


MESSAGES = [
    "infra: x\n",
    "A: 1\n",
    "infra: x\n\nA: 1\nB: 2\n",
    "infra: x\n\nA: 1\n goes on\nB: 2\n",
    "infra: x\n\nno trailer\nA: 1\n",
    "infra: x\n\nsome text\nSigned-off-by: Ada <a@example.com>\n",
    "infra: x\n\nA: 1\n\n\n",
    "infra: x\n\nA: 1\n\nlast words\n",
    "infra: x\n\nhttp://example.org\n",
    "infra: x\n\nA 1: 2\n",
]


class TestFrozen:
    def test_a_value_does_not_change(self) -> None:
        name = BranchName("experiment", "x")
        with pytest.raises(AttributeError, match="BranchName does not change: name"):
            name.name = "y"  # type: ignore[misc]
        with pytest.raises(AttributeError, match="BranchName does not change: name"):
            del name.name
        with pytest.raises(AttributeError):
            name.other = 1  # type: ignore[attr-defined]

    def test_equal_values_are_one_in_a_set(self) -> None:
        assert len({BranchName("main"), BranchName(kind="main", name=""), Trailer("main", "")}) == 2
        assert BranchName("main") != "main"

    @pytest.mark.parametrize(("values", "named"), [((), {}), (("main", "", 0, 1), {}), (("main",), {"nme": "x"})])
    def test_a_wrong_call_is_told(self, values: tuple[str, ...], named: dict[str, str]) -> None:
        with pytest.raises(TypeError, match="BranchName"):
            BranchName(*values, **named)  # type: ignore[arg-type]

    def test_a_value_is_taken_apart_by_match(self) -> None:
        match BranchName("model", "churn", 3):
            case BranchName("model", model, number):
                assert (model, number) == ("churn", 3)
