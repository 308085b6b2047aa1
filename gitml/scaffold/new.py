"""Laying down a new project, step by step; killed anywhere, the same command goes on."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from gitml.errors import BrokenEnvironment, WrongUsage
from gitml.git import plan, repository
from gitml.git.command import ask, failure, git
from gitml.git.files import replace_by_copy, replace_file
from gitml.git.lock import hold
from gitml.git.plan import Plan, Step
from gitml.hooks import install, notebook_filter
from gitml.pipeline import dvc_command
from gitml.scaffold import stamp, template
from gitml.scaffold.stamp import Stamp

if TYPE_CHECKING:
    from gitml.scaffold.answers import Answers
    from gitml.scaffold.site import Site

MAIN = "main"


class InTheWay(WrongUsage):
    """Files are there that a project would have, too."""

    def __init__(self, folder: Path, paths: list[str]) -> None:
        named = ", ".join(paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")
        here = quote(str(folder))
        super().__init__(
            f"{named} {'is' if len(paths) == 1 else 'are'} there already",
            "Nothing is written over. A new folder has room for a new project; what is in a repository is adopted as "
            "it is.",
            (f"gitml init {quote(f'{folder}-gitml')}", f"cd {here} && git init && gitml init   # adopts what is there"),
        )


class CannotLayDown(BrokenEnvironment):
    """The folder cannot be written to."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path} cannot be written",
            f"{reason}. What was laid down stays, and the same command goes on from there.",
            (f"ls -ld {quote(os.path.dirname(path) or '.')}", "df -h ."),
        )


class Laid(NamedTuple):
    """A project that was laid down.

    Attributes
    ----------
    folder
        Where, absolute.
    files
        How many files were written.
    has_identity
        Whether git knows who will commit.
    """

    folder: Path
    files: int
    has_identity: bool


class Session:
    """One new project.

    Parameters
    ----------
    site
        The folder, in which there is no repository, or one that was begun.
    answers
        What was chosen.
    source
        The table to bring along, where it has an own one.

    Raises
    ------
    InTheWay
        A file is there that would be laid down.
    """

    def __init__(self, site: Site, answers: Answers, source: Path | None = None) -> None:
        self._site = site
        self._answers = answers
        self._source = source
        self._root = site.folder
        self._files = template.render(answers)
        self._written = 0
        if site.kind == "new":
            self._check_room()

    def _check_room(self) -> None:
        found = (_in_the_way(path, content, self._root) for path, content in self._files.items())
        there = list(dict.fromkeys(one for one in found if one))
        if self._answers.table and self._source is not None:
            place = self._root / self._answers.table
            if place.exists() and not place.samefile(self._source):
                there.append(self._answers.table)
        if there:
            raise InTheWay(self._root, there)

    def plan(self) -> Plan:
        """Return what will be done."""
        answers = self._answers
        what = "the flights" if answers.is_example else answers.table
        steps = [
            Step("repository", f"make a git repository in {self._root}", self._repository),
            Step("files", f"lay down {len(self._files) + 1} files", self._lay_down),
            *([Step("table", f"bring {what}, and let DVC keep it", self._bring)] if answers.table else []),
            Step("hooks", "install gitml's hooks, and nbstripout as git's filter of notebooks", self._hooks),
        ]
        return Plan("init", steps)

    def carry_out(self) -> Laid:
        """Lay it down.

        Raises
        ------
        CannotLayDown
            The disk is full, or the folder is not ours.
        """
        try:
            with ExitStack() as self._held:
                plan.carry_out(self.plan())
        except OSError as error:
            raise CannotLayDown(str(error.filename or self._root), error.strerror or str(error)) from None
        return Laid(self._root, self._written, repository.has_identity(self._root))

    def _repository(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        _make_repository(self._root)
        self._held.enter_context(hold(self._root))  # two at once lay down one after the other
        self._shelf = repository.shelf(self._root)
        # Before all others: who finds it without a commit knows that this is to be finished, and how.
        self._write(stamp.FILE, Stamp.of(self._answers, self._files).written())

    def _lay_down(self) -> None:
        for path, content in self._files.items():
            self._write(path, content)

    def _write(self, path: str, content: bytes) -> None:
        """Write a file that is not there; one that is there is as it was laid down, or edited since."""
        file = self._root / path
        if os.path.lexists(file):
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, content, self._shelf)
        self._written += 1

    def _bring(self) -> None:
        place = self._root / self._answers.table
        if not place.exists() and self._source is not None:
            replace_by_copy(place, self._source)
        if not place.with_name(f"{place.name}.dvc").exists():
            dvc_command.add(self._root, self._answers.table)

    def _hooks(self) -> None:
        place = install.find(self._root)
        install.carry_out(install.plan_install(place), place)
        notebook_filter.install(self._root)


def _make_repository(root: Path) -> None:
    """Make a repository, or see that there is one; another git that makes it at this moment is waited for."""
    for wait in (0.1, 0.3, 1.0):
        answer = ask("init", "--quiet", f"--initial-branch={MAIN}", at=root)
        if answer.code == 0:
            # One that was there may have been made with another name.
            if not repository.has_head(root):
                git("symbolic-ref", "HEAD", f"refs/heads/{MAIN}", at=root)
            return
        time.sleep(wait)
    raise failure(answer, "init", at=root)


def _in_the_way(path: str, content: bytes, root: Path) -> str:
    """Return what is where a file should be, or a folder that it is in; empty where there is room."""
    parts = path.split("/")
    for end in range(1, len(parts)):
        above = "/".join(parts[:end])
        if os.path.lexists(root / above) and not (root / above).is_dir():
            return above
    file = root / path
    if not os.path.lexists(file):
        return ""
    is_same = file.is_file() and not file.is_symlink() and file.read_bytes() == content
    return "" if is_same else path
