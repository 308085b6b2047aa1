"""params.yaml is read as DVC reads it, and every mistake in it is named."""

import datetime
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from stages.errors import InputError, did_you_mean
from stages.params import Base, choice, load, section


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5


@dataclass(frozen=True)
class Shape:
    count: int
    rate: float = 1.0
    name: str | None = None
    flag: bool = False
    kind: Literal["small", "large"] = "small"
    words: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)
    rest: dict[str, Any] = field(default_factory=dict)
    when: float | datetime.date = 0.0


def read(**values):
    return section({"part": {"count": 1, **values}}, "part", Shape)


def write(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_yaml_is_that_of_dvc(tmp_path):
    text = "a: 1e-3\nb: yes\nc: 010\nd: 1:30\ne: &x {f: 1}\ng: *x\n"
    assert load(write(tmp_path, text)) == {"a": 0.001, "b": "yes", "c": 10, "d": "1:30", "e": {"f": 1}, "g": {"f": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2\n", r"params.yaml line 2, column 2 is not valid YAML"),
        ("- 1\n", "holds no mapping"),
        (b"a: \xff\n", "is not UTF-8"),
        ("a: !!python/object/apply:os.system [ls]\n", "is not valid YAML"),
    ],
)
def test_what_is_no_params_file_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        load(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load(tmp_path / "none.yaml")


def test_values_come_in_the_types_of_their_fields():
    shape = read(rate=2, words=["a"], inner={"rate": 3}, rest={"x": [1]}, when=datetime.date(2024, 1, 1), name="n")
    assert shape == Shape(1, 2.0, "n", False, "small", ("a",), Inner(3.0), {"x": [1]}, datetime.date(2024, 1, 1))
    assert isinstance(shape.rate, float)
    assert section({}, "none", Base) == Base()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cuont": 2}, r"part.cuont is not a parameter. Did you mean 'count'\? part takes: count, rate"),
        ({"count": 1.5}, "part.count is 1.5. It must be a whole number"),
        ({"count": True}, "part.count is True. It must be a whole number"),
        ({"rate": "1e-3x"}, "part.rate is '1e-3x'. It must be a number"),
        ({"name": 3}, "part.name is 3. It must be a text or null"),
        ({"kind": "larg"}, "part.kind is 'larg'. Did you mean 'large'"),
        ({"words": "a"}, "part.words is 'a'. It must be a list"),
        ({"words": [1]}, r"part.words\[0\] is 1. It must be a text"),
        ({"inner": 3}, "part.inner is 3, not a section"),
        ({"inner": {"rat": 3}}, "part.inner.rat is not a parameter"),
    ],
)
def test_a_value_that_does_not_fit_is_named(values, message):
    with pytest.raises(InputError, match=message):
        read(**values)


def test_a_parameter_without_a_default_must_be_there():
    with pytest.raises(InputError, match="part.count is missing"):
        section({"part": {}}, "part", Shape)


def test_a_word_is_one_of_its_options():
    assert choice({}, "task", ("auto", "binary")) == "auto"
    with pytest.raises(InputError, match="task is 'binry'. Did you mean 'binary'"):
        choice({"task": "binry"}, "task", ("auto", "binary"))


@pytest.mark.parametrize(("seed", "threads"), [(-1, 1), (2**32, 1), (1, 0)])
def test_seed_and_threads_have_bounds(seed, threads):
    with pytest.raises(InputError, match="base"):
        Base(seed, threads)


def test_the_nearest_word_is_found_whatever_its_case():
    assert did_you_mean("YES", ["yes", "no"]) == " Did you mean 'yes'?"
    assert did_you_mean("zebra", ["yes", "no"]) == ""
