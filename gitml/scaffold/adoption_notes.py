"""What a person should know before gitml comes into a repository: what is in the way, and the command that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions import branches
from gitml.conventions.shell import printable, quoted
from gitml.doctor import names
from gitml.git import repository

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitml.scaffold.adoption_rules import Patterns
    from gitml.scaffold.adoption_survey import Survey

MOST_NAMED = 3


class Note(NamedTuple):
    """Something to know.

    Attributes
    ----------
    says
        One line.
    why
        More, as sentences; may be empty.
    mend
        The commands that change it, one a line; may be empty.
    """

    says: str
    why: str = ""
    mend: tuple[str, ...] = ()


def notes(found: Survey, extra: Patterns, has_dvc: bool) -> list[Note]:
    """Return what is to be said of a repository.

    Parameters
    ----------
    found
        The repository.
    extra
        What its branch names come to.
    has_dvc
        Whether it has DVC, or will have it.
    """
    said = [*_of_dvc(found, has_dvc), *_of_names(found), *_of_paths(found), *_of_odd_names(extra)]
    if found.main != branches.MAIN:
        main = printable(found.main)
        where = "git says so." if found.is_main_told else "git config gitml.main tells this clone."
        why = f"{where} Experiments are compared with it, and its gitml.toml counts."
        said.append(Note(f"{main} is taken for the main branch", why))
    said += _of_state(found)
    return said


def _of_dvc(found: Survey, has_dvc: bool) -> list[Note]:
    if not has_dvc:
        why = "Rules, hooks, reports and CI work without it. Experiments, models and data need it: then run this again."
        return [Note("there is no DVC here", why, ("gitml init --dvc   # or: dvc init && gitml init",))]
    if found.tree.dvc and not found.tree.has_pipeline and found.commit:
        return [Note("HEAD has no dvc.yaml", "gitml exp run runs the stages of one.", ("dvc stage add --help",))]
    return []


def _of_names(found: Survey) -> list[Note]:
    every = found.names
    paths = {entry.path for entry in found.tree.entries}
    folders = {path.rpartition("/")[0] for path in paths}
    taken = {name for name in every.local if name in paths or name in folders}
    findings = [*names.blocking(every), *names.ambiguous(every), *names.named_like_files(every, taken)]
    return [Note(one.says, one.why, one.mend) for one in findings]


def _of_paths(found: Survey) -> list[Note]:
    """Name files and folders that take the name of a branch of gitml's, so that it cannot be made."""
    near = {"/".join(entry.path.split("/")[:2]) for entry in found.tree.entries if "/" in entry.path}
    taken = sorted(path for path in near if branches.parse(path) is not None)
    if not taken:
        return []
    shown = ", ".join(map(printable, taken[:MOST_NAMED]))
    more = f" and {len(taken) - MOST_NAMED} more" if len(taken) > MOST_NAMED else ""
    why = "git log of that name would stop: it is both a revision and a file name. No branch may be called so."
    return [Note(f"{shown}{more}: a path here, and the name of a branch of gitml's", why)]


def _of_odd_names(extra: Patterns) -> list[Note]:
    if not extra.odd:
        return []
    mend = tuple(
        f"git branch -m -- {quoted(name)} {branches.suggestion(name) or 'experiments/renamed'}"
        for name in extra.odd[:MOST_NAMED]
        if name.isprintable()
    )
    count = len(extra.odd)
    says = f"{count} branch{'es have names' if count != 1 else ' has a name'} that the rules do not know"
    return [Note(says, "They stay as they are, and are told about when they are pushed.", mend)]


def _of_state(found: Survey) -> list[Note]:
    said = []
    head = repository.head(found.repository, found.root)
    if head.unfinished is not None:
        why = "Finish it before you commit what is added here."
        said.append(Note(f"a {head.unfinished} is under way", why, (f"git {head.unfinished} --continue",)))
    if found.commit and head.branch is None:
        said.append(
            Note("HEAD is detached", "What is added here is committed on a branch.", ("git switch -c infra/gitml",))
        )
    if not repository.has_identity(found.root):
        mend = ('git config --global user.name "Your Name"', "git config --global user.email you@example.com")
        said.append(
            Note("git does not know who commits", "Every run is a commit, and a commit names its author.", mend)
        )
    if found.is_shallow:
        said.append(
            Note("this clone is shallow", "Comparisons with older commits need the rest.", ("git fetch --unshallow",))
        )
    return said


def of_files(absent: Iterable[str], ignored: Iterable[str]) -> list[Note]:
    """Return what is to be said of files that cannot be written or committed as they should."""
    said = [
        Note(
            f"{path} is in git and not in this working tree, so it is left alone",
            "It was deleted, or a sparse checkout leaves it out.",
            (f"git checkout -- {quoted(path)}", "gitml init"),
        )
        for path in absent
    ]
    for path in ignored:
        why = "It is added with --force; a colleague's git would not show it. Better is a line less in .gitignore."
        said.append(Note(f"{path} is ignored by git", why, (f"git check-ignore -v {quoted(path)}",)))
    return said
