"""gitml's own pipeline, which is what a new project gets: packed into the wheel, or in the repository around it."""

from __future__ import annotations

from pathlib import Path

from gitml.errors import BrokenEnvironment

_PACKED = Path(__file__).with_name("own")
_AROUND = Path(__file__).parents[2]

FOLDERS = ("experiments", "stages", "tests/model")
FILES = (".dvcignore", ".gitattributes", "constraints-dev.txt", "constraints.txt", "dvc.yaml", "params.yaml")
IGNORED = ("data/.gitignore", "models/.gitignore", "results/data/.gitignore", "results/evaluate/.gitignore")
"""DVC writes them at the end of a run, and not at all where one of its stages fails."""

EXAMPLE = ("data/external/nycflights13.yaml", "experiments/tidymodels.yaml")
"""What only the example needs."""

DOCS = ("docs/data-quality.md", "docs/leakage.md")
"""The pages that the pipeline's messages name."""

_SUFFIXES = frozenset({".md", ".py", ".yaml", ""})


class IsIncomplete(BrokenEnvironment):
    """The gitml that runs was installed without what it lays down."""

    def __init__(self) -> None:
        super().__init__(
            "this gitml has no pipeline to lay down",
            "The files of a new project belong to its wheel, and to its repository.",
            ("python -m pip install --force-reinstall 'gitml[pipeline]'",),
        )


def folder() -> Path:
    """Return the folder that holds the pipeline.

    Raises
    ------
    IsIncomplete
        There is none.
    """
    for place in (_PACKED, _AROUND):
        if (place / "dvc.yaml").is_file() and (place / "stages" / "data.py").is_file():
            return place
    raise IsIncomplete


def files(is_example: bool) -> dict[str, bytes]:
    """Return what a new project gets of it, by path.

    Parameters
    ----------
    is_example
        Whether the project learns from the data that comes along.
    """
    top = folder()
    paths = [*FILES, *IGNORED, *DOCS, *(EXAMPLE if is_example else ())]
    for name in FOLDERS:
        found = (path for path in sorted((top / name).rglob("*")) if path.is_file() and path.suffix in _SUFFIXES)
        paths += [path.relative_to(top).as_posix() for path in found]
    wanted = dict.fromkeys(paths)
    return {path: (top / path).read_bytes() for path in wanted if is_example or path not in EXAMPLE}
