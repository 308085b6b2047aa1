"""A DVC project made by hand: the same bytes as DVC writes, without waiting for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from gitml.pipeline.remote import objects_of
from gitml.pipeline.storage import DataObject, Storage

from .conftest import Repo

CONFIG = "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../remote\n"


class DataRepo(Repo):
    """A repository with a DVC project, and the folder of its remote beside it."""

    @property
    def cache(self) -> Path:
        return self.path / ".dvc" / "cache"

    @property
    def remote(self) -> Path:
        return self.path.parent / "remote"

    def init(self, config: str = CONFIG, at: str = ".") -> DataRepo:
        self.write(f"{at}/.dvc/config", config)
        self.write(f"{at}/.dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
        return self

    def track(self, path: str, content: str | Mapping[str, str], more: str = "", is_old: bool = False) -> str:
        """Do what `dvc add` does, and return the md5. The file itself stays out of git by .git/info/exclude."""
        exclude = self.path / ".git" / "info" / "exclude"
        exclude.write_text(exclude.read_text() + f"/{path}\n")
        layout = "" if is_old else "files/md5"
        if isinstance(content, str):
            self.write(path, content)
            md5, size, extra = keep(self.cache / layout, content), len(content), ""
        else:
            for name, text in content.items():
                self.write(f"{path}/{name}", text)
            md5 = keep_folder(self.cache / layout, content)
            size = sum(map(len, content.values()))
            extra = f"  nfiles: {len(content)}\n"
        entry = f"- md5: {md5}\n  size: {size}\n{extra}" + ("" if is_old else "  hash: md5\n")
        name = path.rpartition("/")[2]
        self.write(f"{path}.dvc", f"outs:\n{entry}  path: {name}\n{more}")
        return md5

    def needs(self, revision: str = "HEAD") -> list[DataObject]:
        return objects_of([revision], Storage(self.path), self.path)


def keep(store: Path, content: str | bytes, md5: str = "") -> str:
    """Put an object into a cache or remote."""
    raw = content.encode() if isinstance(content, str) else content
    md5 = md5 or hashlib.md5(raw).hexdigest()
    file = store / md5[:2] / md5[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(raw)
    file.chmod(0o444)
    return md5


def keep_folder(store: Path, files: Mapping[str, str]) -> str:
    listed = [{"md5": keep(store, text), "relpath": name} for name, text in sorted(files.items())]
    content = json.dumps(listed)
    return keep(store, content, hashlib.md5(content.encode()).hexdigest() + ".dir")


def objects_in(store: Path) -> set[str]:
    """Return the names of all objects in a cache or remote, of both layouts."""
    files = (file for file in store.rglob("*") if file.is_file())
    return {file.parent.name + file.name for file in files if len(file.parent.name) == 2}


def md5_of(content: str) -> str:
    return hashlib.md5(content.encode()).hexdigest()
