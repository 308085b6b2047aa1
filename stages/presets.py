"""Laying down a copy of this project whose parameters are changed by a preset, such as ``smoke``.

Run it as ``python -m stages.presets NAME FOLDER [KEY=VALUE ...]``; then ``dvc repro`` in that folder.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import errors
from stages.errors import InputError, did_you_mean
from stages.params import PARAMS_FILE, load

PRESETS = Path("experiments")

COPIED = ("dvc.yaml", "constraints.txt", ".dvcignore", ".gitattributes", "stages", "data/external", "data/schema.yaml")


def merge(params: MutableMapping[str, Any], changes: Mapping[str, Any], path: str = "") -> None:
    """Change nested parameters in place; a name that `params` does not have is refused."""
    for name, value in changes.items():
        if name not in params:
            raise InputError(
                f"The preset sets {path}{name}, which params.yaml does not have.{did_you_mean(name, params)}", ""
            )
        if isinstance(value, Mapping) and isinstance(params[name], MutableMapping):
            merge(params[name], value, f"{path}{name}.")
        else:
            params[name] = value


def lay_down(name: str | None, folder: Path, changes: Mapping[str, Any] | None = None) -> None:
    """Copy the project in the current folder to `folder`, its parameters changed by a preset.

    Parameters
    ----------
    name
        A file of `PRESETS`, without its ending; None for the parameters as they are.
    folder
        Made new; what an earlier call left there is replaced, but for the DVC cache.
    changes
        Nested parameters to change on top of the preset's.
    """
    known = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    if name is not None and name not in known:
        raise InputError(
            f"There is no preset '{name}'.{did_you_mean(name, known)}", f"Choose one of: {', '.join(known)}."
        )
    if folder.exists() and any(folder.iterdir()) and not (folder / ".dvc" / "config").is_file():
        raise InputError(f"{folder} is not empty.", "Name a new folder.")
    for part in COPIED:
        source, target = Path(part), folder / part
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    # a round trip keeps the anchors, so that an ensemble's members change with the models that they name
    yaml = YAML()
    params = yaml.load(Path(PARAMS_FILE).read_text(encoding="utf-8"))
    if name is not None:
        merge(params, load(PRESETS / f"{name}.yaml"))
    merge(params, changes or {})
    source = Path(str(params["data"]["source"]))
    if source.is_file() and not source.is_absolute():
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / source)
    with open(folder / PARAMS_FILE, "w", encoding="utf-8") as file:
        yaml.dump(params, file)
    (folder / ".dvc").mkdir(exist_ok=True)
    (folder / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n", encoding="utf-8")


def main() -> None:
    """Lay down the preset and folder named on the command line."""
    if len(sys.argv) < 3 or any("=" not in change for change in sys.argv[3:]):
        raise InputError("A preset and a folder are needed.", "For example: python -m stages.presets smoke .smoke")
    name, folder = sys.argv[1], Path(sys.argv[2])
    changes: dict[str, Any] = {}
    for change in sys.argv[3:]:
        key, _, text = change.partition("=")
        inner = changes
        *parents, last = key.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = YAML(typ="safe", pure=True).load(text)
    lay_down(name, folder, changes)


if __name__ == "__main__":
    errors.run(main)
