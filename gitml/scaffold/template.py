"""The files of a new project, whole, from what somebody chose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast

from gitml import __version__
from gitml.conventions.shell import inside, printable, quoted
from gitml.scaffold import ci, first_idea, own, texts
from gitml.scaffold.parameters import with_settings

if TYPE_CHECKING:
    from gitml.scaffold.answers import Answers
    from gitml.scaffold.ci import Forge

FOLDER = "project"

_TEXTS = {
    ".gitignore": "gitignore",
    "Makefile": "Makefile",
    "README.md": "README.md",
    "data/external/README.md": "external.md",
    "data/raw/README.md": "raw.md",
    "experiments/README.md": "experiments.md",
    "gitml.toml": "gitml.toml",
    "pyproject.toml": "pyproject.toml",
    "reports/README.md": "reports.md",
    "requirements.txt": "requirements.txt",
    "tests/conftest.py": "tests/conftest.py",
}
NOTEBOOKS = ("01-exploration.ipynb", "02-feature-engineering.ipynb", "03-model-training.ipynb")

_DVC_IGNORE = "/config.local\n/tmp\n/cache\n"
_DIRECTIONS = re.compile(r"^DIRECTIONS = .*$", re.MULTILINE)
_NO_DIRECTIONS = 'DIRECTIONS: list[tuple[str, float, float, str]] = []  # ("age", 20.0, 70.0, "more")'


class _Measure(NamedTuple):
    """What a project is ranked and gated by."""

    metric: str
    direction: str
    gate: str
    bound: str
    tolerance: str


_MEASURES = {
    "binary": _Measure("roc_auc", "higher", "roc_auc", "min = 0.5 ", "0.005"),
    "multiclass": _Measure("roc_auc", "higher", "roc_auc", "min = 0.5 ", "0.005"),
    "regression": _Measure("rmse", "lower", "r2", "min = 0.0 ", "0.01 "),
}
_EXAMPLE = _Measure("roc_auc", "higher", "roc_auc", "min = 0.70", "0.005")


def render(answers: Answers) -> dict[str, bytes]:
    """Return all files of a project by their paths.

    Raises
    ------
    IsIncomplete
        This gitml lacks the pipeline.
    """
    files = own.files(answers.is_example)
    files |= {f"notebooks/{name}": texts.read(f"{FOLDER}/notebooks", name).encode() for name in NOTEBOOKS}
    values = _values(answers)
    files |= {path: (texts.filled(FOLDER, name, values).rstrip() + "\n").encode() for path, name in _TEXTS.items()}
    files["params.yaml"] = with_settings(files["params.yaml"], answers.settings)
    if not answers.is_example:
        model = files["tests/model/test_model.py"].decode()
        files["tests/model/test_model.py"] = _DIRECTIONS.sub(_NO_DIRECTIONS, model).encode()
    if answers.has_ci:
        wanted = ci.templates(cast("Forge", answers.forge), answers.pinned)
        files |= {path: text.encode() for path, text in wanted.items()}
    files |= {".dvc/config": _dvc_config(answers.remote).encode(), ".dvc/.gitignore": _DVC_IGNORE.encode()}
    return dict(sorted(files.items()))


def _values(answers: Answers) -> dict[str, str]:
    measure = _EXAMPLE if answers.is_example else _MEASURES[answers.task]
    forge = f'\n[forge]\nkind = "{answers.forge}"\n' if answers.forge else ""
    return {
        "@NAME@": answers.name,
        "@WHAT@": _what(answers),
        "@GITML@": answers.gitml + (f"\ndvc[{answers.extra}]" if answers.extra else ""),
        "@METRIC@": measure.metric,
        "@DIRECTION@": measure.direction,
        "@GATE@": measure.gate,
        "@BOUND@": measure.bound,
        "@TOLERANCE@": measure.tolerance,
        "@FORGE@": forge,
        "@SHARE@": _share(answers),
        "@REMOTE@": _remote(answers.remote),
        "@CI@": _ci(answers),
        "@FIRST_IDEA@": first_idea.of_settings(answers.settings),
        "@VERSION@": __version__,
        "@FOLDER@": quoted(inside(answers.name)),
    }


def _what(answers: Answers) -> str:
    if answers.is_example:
        return (
            "Which of the flights that left New York in 2013 arrived 15 minutes late or more, from what is known an\n"
            "hour before they leave. An example to start from: for a table of your own, change the `data` section of\n"
            "[params.yaml](params.yaml), or lay down another project with `gitml init FOLDER --data FILE`."
        )
    target = next((one.value for one in answers.settings if one.name == "data.target"), "")
    kind = {"regression": "a number", "binary": "one of two classes"}.get(answers.task, "a class")
    return (
        f"Predicts {_as_code(target)} ({kind}) from the other columns of `{answers.table}`. What the table asked for,\n"
        "and why, stands in [params.yaml](params.yaml)."
    )


def _as_code(text: str) -> str:
    """Return a text as Markdown shows it letter by letter, on one line."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{pad}{printable(text)}{pad}{fence}"


def _share(answers: Answers) -> str:
    protect = f"`gitml forge protect` sets up {_FORGES[answers.forge]}." if answers.forge else ""
    return protect or (
        "On a bare repository of your own, `gitml hooks install --server` lets the server\nkeep the rules; on GitHub, "
        "GitLab or Gitea it is `gitml forge protect`."
    )


_FORGES = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea"}


def _remote(url: str) -> str:
    if "://" in url:
        return f"DVC keeps data and models in `{url}`."
    return (
        f"DVC keeps data and models in `{url}`: enough for one machine. For a team:\n"
        "`dvc remote modify storage url s3://…` (or gs://, azure://, ssh://), and commit `.dvc/config`."
    )


def _ci(answers: Answers) -> str:
    if answers.has_ci:
        return (
            "\nCI judges each pull request by the rules of main: the files are laid down; the settings that the forge "
            "needs are in\n`gitml forge verify`."
        )
    return "\n`gitml ci template github` (or gitlab) writes CI's files."


def _dvc_config(url: str) -> str:
    quoted = f'"{url}"' if re.search(r"[\s#,'\"]", url) else url
    return f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {quoted}\n"
