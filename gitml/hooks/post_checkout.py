"""post-checkout: DVC's files follow where git's changed, and a checkout never fails because of them."""

from __future__ import annotations

import posixpath
import sys

from gitml.conventions.amounts import files_in_words
from gitml.errors import GitmlError
from gitml.git import repository
from gitml.git.command import git
from gitml.pipeline import dvc
from gitml.pipeline.environment import project_root
from gitml.pipeline.remote import objects_of
from gitml.pipeline.storage import Storage

WATCHED = ("dvc.lock", "*/dvc.lock", "*.dvc")
"""What of a commit says which files DVC keeps for it; the installed script asks git for the same."""


def run(old: str, new: str) -> None:
    """Bring DVC's files to what the commit `new` says, where `old` said something else.

    Whatever keeps it from that is said in one line on stderr.

    Parameters
    ----------
    old, new
        Ids of the commits that were and are checked out.
    """
    try:
        line = follow(old, new)
    except KeyboardInterrupt:
        line = "interrupted (dvc checkout brings DVC's files)"
    except GitmlError as error:
        line = f"DVC's files stay as they were: {error.what} (afterwards: dvc checkout)"
    if line:
        print(f"gitml: {line}", file=sys.stderr)


def follow(old: str, new: str) -> str:
    """Do what `run` says, and return what a person should know of it; empty for nothing.

    Raises
    ------
    GitmlError
        The files are not, or not all, what `new` says.
    """
    found = repository.find()
    if found.root is None or repository.head(found).unfinished is not None:
        return ""
    changed = git("diff-tree", "-r", "-z", "--name-only", "--end-of-options", old, new, "--", *WATCHED)
    projects = {
        root.relative_to(found.root).as_posix().removeprefix(".")
        for path in changed.split("\0")[:-1]
        if (root := project_root(found.root / posixpath.dirname(path), found.root)) is not None
    }
    storage = Storage(found.root)
    objects = [each for each in objects_of([new], storage) if each.project in projects] if projects else []
    count = sum(each.files for each in storage.absent(objects))
    for project in sorted(projects):
        known = storage.settings(project)
        if known.is_checked_out:
            dvc.checkout(known)
    if not count:
        return ""
    return f"{files_in_words(count)} of this commit {'is' if count == 1 else 'are'} not here: gitml data fetch"
