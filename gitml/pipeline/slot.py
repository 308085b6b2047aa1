"""A slot of the pool of working trees in which DVC can run at once, with the cache and remotes of the user's own."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from gitml.errors import GitmlError
from gitml.git import repository, worktree
from gitml.git.worktree import Slot
from gitml.pipeline.configuration import read, shared_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PATHS_OF_A_REMOTE = frozenset(
    {
        *("url", "gdrive_user_credentials_file", "gdrive_service_account_json_file_path", "credentialpath"),
        *("configpath", "keyfile", "cert_path", "key_path"),
    }
)
"""The keys whose relative values DVC takes from the folder of the file that has them."""

_LEFT = ("rwlock", "rwlock.lock", "lock")
"""What a killed DVC leaves in ``.dvc/tmp``, and then refuses to run."""


class LeadsElsewhere(GitmlError):
    """A folder of DVC's is a symbolic link in a commit, and what is written there would land anywhere."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is a symbolic link in this commit",
            "DVC's own files would be written where it leads to, outside of this project.",
            (f"git rm {quote(path)}", "dvc init -f"),
        )
        self.path = path


@contextmanager
def acquire(commit: str, outs: Sequence[str] = (), project: str = "", at: Path | None = None) -> Iterator[Slot]:
    """Lend a slot in which a commit is checked out and ``dvc repro`` can be run at once.

    DVC's cache is the one of the user's own working tree, and its remotes are found from here, too. What
    killed runs left is gone.

    Parameters
    ----------
    commit
        Full id.
    outs
        DVC's outs, from the tree's top: they stay as the last run left them, so that what is right already is
        not copied again. DVC checks them.
    project
        The folder that has ``.dvc``, from the tree's top; empty for the top itself.
    at
        As for `gitml.git.command.git`.

    Raises
    ------
    CannotWrite, GitFailed
        As for `gitml.git.worktree.acquire`.
    LeadsElsewhere
        ``.dvc``, or a folder around it, is a symbolic link.
    """
    dvc = f"{project}/.dvc" if project else ".dvc"
    where = repository.find(at)
    # Without a working tree nobody has a cache, and one is shared by all slots.
    own = where.root / dvc if where.root is not None else where.common_dir / repository.OWN_FOLDER / "dvc"
    with worktree.acquire(commit, [*outs, dvc], at) as slot:
        folder = slot.path / dvc
        if folder.is_dir():
            _prepare(folder, own, slot)
        yield slot


def _prepare(folder: Path, own: Path, slot: Slot) -> None:
    """Remove what killed runs left, and write DVC's local configuration; a link in the commit leads nowhere else."""
    parts = folder.relative_to(slot.path).parts
    above = [slot.path.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    link = next((place for place in (*above, folder / "tmp") if place.is_symlink()), None)
    if link is not None:
        raise LeadsElsewhere(link.relative_to(slot.path).as_posix())
    for name in _LEFT:
        (folder / "tmp" / name).unlink(missing_ok=True)
    file = folder / "config.local"
    content = _local_config(own, folder)
    file.unlink(missing_ok=True)
    file.write_text(content, encoding="utf-8")


def _local_config(own: Path, folder: Path) -> str:
    """Return what ``config.local`` says in a slot: the user's own, with every path made absolute.

    Parameters
    ----------
    own
        The ``.dvc`` of the user's working tree.
    folder
        The slot's.
    """
    local, mine, committed = read(own / "config.local"), read(own / "config"), read(folder / "config")
    sections: dict[str, dict[str, str]] = {}
    # Relative values of the committed file are meant from the user's .dvc; the user's own file wins.
    for config in (committed, local):
        for section in config.sections():
            name = section.strip("'")
            for key, value in config.items(section):
                if not value:  # DVC itself would refuse a name without one
                    continue
                is_path = _is_path(name, key)
                if config is local or (is_path and _absolute(own, value) != value):
                    sections.setdefault(name, {})[key] = _absolute(own, value) if is_path else value
    if mine.has_option("cache", "dir") and not local.has_option("cache", "dir"):
        sections.setdefault("cache", {})["dir"] = _absolute(own, mine.get("cache", "dir"))
    is_set_for_all = any(read(Path(level) / "config").has_option("cache", "dir") for level in shared_folders())
    if "dir" not in sections.get("cache", {}) and not committed.has_option("cache", "dir") and not is_set_for_all:
        sections.setdefault("cache", {})["dir"] = str(own / "cache")
    lines = []
    for name, values in sections.items():
        lines.append(f"['{name}']" if '"' in name else f"[{name}]")
        lines += [f"    {key} = {value}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _is_path(section: str, key: str) -> bool:
    return (section == "cache" and key == "dir") or (section.startswith("remote ") and key in _PATHS_OF_A_REMOTE)


def _absolute(folder: Path, value: str) -> str:
    """Return a path as DVC takes it from a file in `folder`; URLs and absolute paths as they are."""
    if re.match(r"\w+://", value) or os.path.isabs(value) or value.startswith("~"):
        return value
    return os.path.normpath(folder / value)
