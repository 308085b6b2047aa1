"""Putting gitml's hooks into a repository, beside those that are there, and taking them out again."""

from __future__ import annotations

import os
import shlex
import sys
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

from gitml.conventions.commits import PREFIXES
from gitml.errors import BrokenEnvironment, GitFailed
from gitml.git import repository as git_repository
from gitml.git.command import git
from gitml.git.files import replace_file

HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-checkout", "pre-push")
"""Those of a clone, in the order of a day's work."""

SERVER_HOOKS = ("pre-receive",)
"""Those of the bare repository that a team pushes to."""

MARK = b"# gitml hook: "
SUFFIX = ".before-gitml"
LEGACY = ".legacy"
"""What the pre-commit framework adds to the name of a hook that it found in its place, and calls first."""

_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
_OWN_NAME = (b"$0", b"${0", b"basename")

Does = Literal["make", "keep", "write", "rewrite", "remove", "restore"]
State = Literal["absent", "installed", "outdated", "replaced", "behind"]


class NoHooksHere(BrokenEnvironment):
    """Hooks cannot be installed in this repository."""


class Place(NamedTuple):
    """Where git looks for hooks.

    Attributes
    ----------
    folder
        The folder; it may not be there yet.
    shown
        The same as a person reads it, from the working tree's top.
    hooks_path
        ``core.hooksPath`` as it is set, and the level it is set on (``local``, ``worktree``, ``global``,
        ``system``, ``command``); None where it is not.
    root
        The working tree's top folder; a bare repository itself.
    shadowed
        Hooks in git's own folder that ``core.hooksPath`` keeps from running.
    hooks
        Those that belong here.
    """

    folder: Path
    shown: str
    hooks_path: tuple[str, str] | None
    root: Path
    shadowed: tuple[str, ...] = ()
    hooks: tuple[str, ...] = HOOKS


class Hook(NamedTuple):
    """One hook and what runs at its turn.

    Attributes
    ----------
    name
        git's name for it.
    state
        ``absent``; ``installed``; ``outdated``: installed by another gitml or Python; ``behind`` another
        manager that calls it; ``replaced``: another hook was put over it since.
    runs
        What runs, in this order; a file that git does not run, because it is not executable, is not in it.
    """

    name: str
    state: State
    runs: tuple[str, ...] = ()


class Step(NamedTuple):
    """One change of the hooks' folder.

    Attributes
    ----------
    does
        What is done with `path`; ``keep`` and ``restore`` give it the name `to`.
    name
        The hook; empty for the folder.
    what
        What it is done with, as a person reads it.
    """

    does: Does
    name: str
    what: str
    path: Path
    to: Path | None = None


def find(at: Path | None = None) -> Place:
    """Return where the repository around `at`, or around the current folder, has its hooks.

    Raises
    ------
    NoHooksHere
        There is no repository.
    """
    try:
        repository = git_repository.find(at)
    except GitFailed as failed:
        raise NoHooksHere("there is no git repository here", failed.stderr, ("git init",)) from None
    root = repository.common_dir if repository.is_bare else repository.root
    if root is None:
        raise NoHooksHere("this folder is inside .git", "Hooks belong to a working tree.", ("cd ..",))
    folder = Path(git("rev-parse", "--path-format=absolute", "--git-path", "hooks", at=at))
    own = repository.common_dir / "hooks"
    shadowed = tuple(sorted(path.name for path in own.glob("*") if _is_run(path))) if folder != own else ()
    hooks = SERVER_HOOKS if repository.is_bare else HOOKS
    return Place(folder, _shown(folder, root), _hooks_path(at), root, shadowed, hooks)


def find_for(is_server: bool, at: Path | None = None) -> Place:
    """Return where hooks are to be installed, for a server or for a desk.

    Raises
    ------
    NoHooksHere
        There is no repository, or it is not what was meant.
    """
    place = find(at)
    if is_server and place.hooks != SERVER_HOOKS:
        raise NoHooksHere(
            "this repository has files that people work on, so it is no server",
            "pre-receive belongs into the bare repository that everybody pushes to.",
            ("gitml hooks install", "cd /srv/project.git && gitml hooks install --server"),
        )
    if not is_server and place.hooks != HOOKS:
        raise NoHooksHere(
            "a bare repository has no desk to install these hooks at",
            "Nobody commits in it. What it can have is pre-receive, which judges every push.",
            ("gitml hooks install --server", "gitml hooks install   # in a clone of it"),
        )
    return place


def status(place: Place) -> list[Hook]:
    """Return what runs at each hook's turn."""
    return [_look(place, name) for name in place.hooks]


def plan_install(place: Place) -> list[Step]:
    """Return what `install` would do; nothing where all is in place.

    Raises
    ------
    NoHooksHere
        ``core.hooksPath`` is set for more than this repository, or a kept hook is in the way.
    """
    if place.hooks_path is not None and place.hooks_path[1] in ("global", "system"):
        value, level = place.hooks_path
        raise NoHooksHere(
            f"core.hooksPath is {value} for every repository ({level} configuration)",
            "gitml's hooks are meant for this repository; there they would judge all the others, too.",
            ('git config core.hooksPath "$(git rev-parse --git-common-dir)/hooks"', "gitml hooks install"),
        )
    if os.path.lexists(place.folder) and not place.folder.is_dir():
        why = "Somebody switched hooks off in this repository." if place.hooks_path is not None else ""
        mend = ("git config --unset core.hooksPath", "gitml hooks install") if place.hooks_path is not None else ()
        raise NoHooksHere(f"{place.shown}, where git looks for hooks, is no folder", why, mend)
    steps = [] if place.folder.is_dir() else [Step("make", "", f"the folder {place.shown}", place.folder)]
    for name in place.hooks:
        steps += _plan_hook(place, name)
    return steps


def plan_uninstall(place: Place) -> list[Step]:
    """Return what `uninstall` would do; nothing where no hook is gitml's."""
    if not place.folder.is_dir():
        return []
    steps: list[Step] = []
    has_made_folder = False
    gone: set[Path] = set()
    for name in place.hooks:
        for path in (place.folder / name, place.folder / f"{name}{LEGACY}"):
            if not is_ours(path):
                continue
            has_made_folder = has_made_folder or _MADE in path.read_bytes()
            kept = place.folder / f"{name}{SUFFIX}"
            if os.path.lexists(kept) and kept not in gone:
                steps.append(Step("restore", name, f"{kept.name} as {path.name}", kept, path))
                gone.add(kept)
            else:
                steps.append(Step("remove", name, f"{path.name} from {place.shown}", path))
                gone.add(path)
    if has_made_folder and all(path in gone for path in place.folder.iterdir()):
        steps.append(Step("remove", "", f"the folder {place.shown}", place.folder))
    return steps


def carry_out(steps: list[Step], place: Place) -> None:
    """Do what was planned.

    Raises
    ------
    NoHooksHere
        The folder cannot be written to.
    """
    try:
        _carry_out(steps, place)
    except OSError as error:
        why = f"{error.strerror}: {error.filename}"
        raise NoHooksHere(f"the hooks in {place.shown} cannot be changed", why, ("gitml hooks status",)) from None


def notes(place: Place) -> list[str]:
    """Return what a person should know about where the hooks are, one sentence or two each."""
    said = []
    if place.hooks_path is not None:
        value, level = place.hooks_path
        said.append(f"core.hooksPath is {value} ({level} configuration): git looks for hooks there and nowhere else.")
        if not os.path.isabs(os.path.expanduser(value)):
            said.append(f"It is relative, so each linked worktree looks in its own {value}: install there again.")
        if place.folder.is_relative_to(place.root) and ".git" not in place.folder.relative_to(place.root).parts:
            said.append("It is in the working tree, and the hooks name this machine's Python: do not commit them.")
    if place.shadowed:
        said.append(f"Not run because of core.hooksPath, in git's own folder: {', '.join(place.shadowed)}.")
    for name in place.hooks:
        kept = place.folder / f"{name}{SUFFIX}"
        if os.path.lexists(kept) and not _is_run(kept):
            said.append(f"{kept.name} is not executable, or leads nowhere; git did not run it before, either.")
    return said


def _carry_out(steps: list[Step], place: Place) -> None:
    has_made_folder = any(step.does == "make" for step in steps)
    for step in steps:
        if step.does == "make":
            step.path.mkdir(parents=True)
        elif step.does in ("keep", "restore") and step.to is not None:
            os.replace(step.path, step.to)
        elif step.does in ("write", "rewrite"):
            is_made = has_made_folder or (step.does == "rewrite" and _MADE in step.path.read_bytes())
            _write(step.path, script(place, step.name, is_made), _shelf(place))
        elif step.path.is_dir():
            step.path.rmdir()
        else:
            step.path.unlink()


def script(place: Place, name: str, has_made_folder: bool = False) -> bytes:
    """Return the whole text of an installed hook.

    Parameters
    ----------
    place
        Where it will be.
    name
        git's name for it.
    has_made_folder
        Whether gitml made the folder, and so takes it away again.
    """
    folder = files("gitml.hooks") / "scripts"
    text = (folder / "head.sh").read_text(encoding="utf-8") + (folder / f"{name}.sh").read_text(encoding="utf-8")
    fields = {
        "NAME": name,
        "PYTHON": shlex.quote(Path(sys.executable).as_posix()),
        "MAIN": shlex.quote((Path(__file__).parent / "__main__.py").as_posix()),
        "KEPT": f"{name}{SUFFIX}",
        "CALL": _call(place, name),
        "NAMES": " ".join(prefix.name for prefix in PREFIXES),
    }
    for field, value in fields.items():
        text = text.replace(f"@{field}@", value)
    raw = os.fsencode(text)
    return raw.replace(b"\n", b"\n" + _MADE, 1) if has_made_folder else raw


def is_ours(path: Path) -> bool:
    """Say whether gitml wrote the file."""
    try:
        with path.open("rb") as file:
            return MARK in file.read(512)
    except OSError:
        return False


_MADE = b"# gitml made this folder.\n"


def _plan_hook(place: Place, name: str) -> list[Step]:
    path, kept, legacy = (place.folder / f"{name}{suffix}" for suffix in ("", SUFFIX, LEGACY))
    where = f"{name} in {place.shown}"
    if is_ours(path):
        is_made = _MADE in path.read_bytes()
        if path.read_bytes() == script(place, name, is_made) and os.access(path, os.X_OK):
            return []
        return [Step("rewrite", name, where, path)]
    if is_ours(legacy) and os.path.lexists(path):
        is_made = _MADE in legacy.read_bytes()
        is_same = legacy.read_bytes() == script(place, name, is_made)
        rewrite = Step("rewrite", name, f"{legacy.name} in {place.shown}", legacy)
        if kept.is_file() and kept.read_bytes() == path.read_bytes():  # its manager was installed again
            return [Step("remove", name, f"{kept.name} from {place.shown}: it is {name} itself", kept), rewrite]
        return [] if is_same else [rewrite]
    if not os.path.lexists(path):
        return [Step("write", name, where, path)]
    is_the_kept_one = kept.is_file() and path.is_file() and kept.read_bytes() == path.read_bytes()
    if os.path.lexists(kept) and not is_the_kept_one:  # else its manager wrote it again, as husky does
        raise NoHooksHere(
            f"{kept.name} is in the way in {place.shown}",
            f"It was kept when gitml was installed; since then another {name} was put over gitml's.",
            (f"rm {shlex.quote(str(kept))}   # or merge the two by hand", "gitml hooks install"),
        )
    return [
        Step("keep", name, f"the {name} that was there as {kept.name}; it runs first", path, kept),
        Step("write", name, where, path),
    ]


def _look(place: Place, name: str) -> Hook:
    path, kept, legacy = (place.folder / f"{name}{suffix}" for suffix in ("", SUFFIX, LEGACY))
    before = (kept.name,) if _is_run(kept) else ()
    if is_ours(path):
        is_made = _MADE in path.read_bytes()
        is_right = path.read_bytes() == script(place, name, is_made) and _is_run(path)
        return Hook(name, "installed" if is_right else "outdated", (*before, "gitml"))
    if not _is_run(path):
        return Hook(name, "absent")
    if is_ours(legacy) and _is_run(legacy):
        return Hook(name, "behind", (*before, "gitml", name))
    return Hook(name, "replaced" if os.path.lexists(kept) else "absent", (name,))


def _is_run(path: Path) -> bool:
    """Say whether git runs the file."""
    return path.is_file() and os.access(path, os.X_OK) and path.suffix != ".sample"


def _call(place: Place, name: str) -> str:
    """Return the shell words that run the kept hook.

    A shell script that asks for its own name (husky's, and hooks that serve several names) is read by its
    own shell under the name that it had; everything else is run as it is.
    """
    try:
        text = (place.folder / f"{name}{SUFFIX}").read_bytes()[: 2**16]
    except OSError:
        text = b""
    first = os.fsdecode(text.partition(b"\n")[0])
    words = first[2:].split() if first.startswith("#!") else []
    shell = [Path(word).name for word in words if not word.startswith("-")][-1:]
    if not shell or shell[0] not in _SHELLS or not any(sign in text for sign in _OWN_NAME):
        return '"$kept" "$@"'
    return f"""GITML_KEPT=$kept {shlex.join(words)} -c '. "$GITML_KEPT"' "$here/{name}" "$@\""""


def _shelf(place: Place) -> Path:
    """Return where a script is until it is whole: not in a working tree, as long as there is another place."""
    try:
        return git_repository.shelf(place.root)
    except git_repository.CannotWrite:
        return place.folder


def _write(path: Path, content: bytes, shelf: Path) -> None:
    """Write a script that can be run, or none of it."""
    if path.is_symlink():
        path.unlink()
    replace_file(path, content, shelf, is_executable=True)


def _hooks_path(at: Path | None) -> tuple[str, str] | None:
    try:
        text = git("config", "--show-scope", "--get", "core.hooksPath", at=at)
    except GitFailed:
        return None
    level, _, value = text.partition("\t")
    return value, level


def _shown(folder: Path, root: Path) -> str:
    return os.path.relpath(folder, root) if folder.is_relative_to(root) else str(folder)
