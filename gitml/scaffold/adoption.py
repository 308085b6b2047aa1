"""Adding gitml to a repository that is there already: what would be done, and doing it. Nothing is committed.

The plan is made, shown and asked about first, and made again under the lock before it is carried out: what somebody
edited in between is never written over. Each file is there in whole or as it was, and the same command again after a
kill comes to the same end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml import config
from gitml.conventions import branches
from gitml.conventions.shell import command as shell_command
from gitml.git import lock, repository, server
from gitml.git.command import ask, git
from gitml.hooks import install as installation
from gitml.hooks.install import NoHooksHere
from gitml.pipeline.beginning import FILES, initialize
from gitml.scaffold import (
    adoption_files,
    adoption_notes,
    adoption_record,
    adoption_rules,
    adoption_survey,
    adoption_toml,
    blocks,
    changes,
    ci,
)
from gitml.scaffold.adoption_notes import Note
from gitml.scaffold.adoption_record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.hooks.install import Place, Step
    from gitml.scaffold.adoption_survey import Survey
    from gitml.scaffold.changes import Change
    from gitml.scaffold.ci import Forge


class Wish(NamedTuple):
    """What somebody asks for besides what is always added.

    Attributes
    ----------
    forge
        Whose CI files are written; None for none.
    pin, python
        As for `gitml.scaffold.ci`.
    has_dvc
        Whether ``dvc init`` is done where there is no DVC.
    """

    forge: Forge | None = None
    pin: str = ""
    python: str = ci.PYTHON
    has_dvc: bool = False


class Plan(NamedTuple):
    """What would be done.

    Attributes
    ----------
    found
        The repository.
    begins_dvc
        Whether ``dvc init`` is done first.
    changes
        The files.
    hooks, place
        The changes of the hooks, and where they are; none where there can be none.
    settings
        What git is told in this clone, as pairs of key and value.
    notes
        What to know.
    rules
        Why each rule warns that does.
    ignored
        Files that git ignores, so that they are added by force.
    """

    found: Survey
    begins_dvc: bool
    changes: tuple[Change, ...]
    hooks: tuple[Step, ...]
    place: Place | None
    settings: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...]
    rules: dict[str, str]
    ignored: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        is_written = all(one.does == "keep" for one in self.changes)
        return is_written and not (self.begins_dvc or self.hooks or self.settings)


def plan(wish: Wish, at: Path | None = None, known: Survey | None = None) -> Plan:
    """Return what adding gitml to the repository around a folder would do.

    Parameters
    ----------
    wish
        What is asked for.
    at
        A folder in the repository; None for the current one.
    known
        What was found there a moment ago; it is found again where HEAD is another commit since.

    Raises
    ------
    NotHere
        There is no repository with a working tree.
    NoPin
        CI's files are asked for, and it is not known which gitml they shall install.
    NotAPlaceForFiles, TooLargeToChange
        A file cannot be written.
    """
    is_known = known is not None and adoption_survey.commit_of_head(known.root) == known.commit
    found = known if known is not None and is_known else adoption_survey.survey(at)
    begins_dvc = wish.has_dvc and not found.tree.dvc
    if begins_dvc:
        found = found._replace(tree=found.tree._replace(dvc=("",)))
    extra = adoption_rules.patterns(found.names.branches, found.main)
    made, absent, said = _files(found, wish)
    ignored = _ignored([one.path for one in made if one.does == "write"], found.root)
    place, steps, more = _hooks(found)
    said = [
        *adoption_notes.notes(found, extra, bool(found.tree.dvc)),
        *adoption_notes.of_files(absent, ignored),
        *said,
        *more,
    ]
    settings = () if found.is_main_told or found.main == branches.MAIN else ((server.SETTING, found.main),)
    rules = adoption_rules.warnings(found, extra)
    return Plan(found, begins_dvc, tuple(made), tuple(steps), place, settings, tuple(said), rules, tuple(ignored))


def carry_out(shown: Plan, wish: Wish) -> Plan:
    """Do what was shown, and return what was done.

    Raises
    ------
    ChangedMeanwhile
        A file was edited since the plan was made; nothing was written.
    CannotWriteFile, CannotWrite, NoHooksHere
        Something cannot be written; what was written before is kept, and the same command goes on.
    """
    root = shown.found.root
    with lock.hold(root):
        now = plan(wish, root, None if shown.begins_dvc else shown.found)
        _check_as_shown(shown, now)
        adoption_record.begin(Record(now.settings, now.begins_dvc), root)
        made = now.changes
        if now.begins_dvc:
            initialize(root)
            made = tuple(_files(now.found, wish)[0])
        changes.carry_out(made, root)
        for key, value in now.settings:
            git("config", key, value, at=root)
        if now.place is not None:
            installation.carry_out(list(now.hooks), now.place)
    return now._replace(changes=made)


def next_commands(done: Plan) -> list[str]:
    """Return the commands that a person gives next: nothing was committed for them."""
    root = done.found.root
    paths = changes.uncommitted([one.path for one in done.changes], root)
    if done.begins_dvc:
        paths = [*dict.fromkeys((*FILES, *paths))]
    if not paths:
        return ["gitml exp list" if done.found.tree.has_pipeline else "gitml rules"]
    prefix = adoption_toml.shown_prefix(adoption_rules.style(done.found.commits), done.rules)
    forced = ["--force"] if set(paths) & set(done.ignored) else []
    sparse = ["--sparse"] if repository.settings(root).get("core.sparsecheckout") == "true" else []
    add = shell_command(["git", "add", *forced, *sparse, "--", *paths])
    message = shell_command(["git", "commit", "-m", f"{prefix}: adopt gitml"])
    is_staged = bool(done.found.commit) and ask("diff", "--cached", "--quiet", at=root).code == 1
    commit = f"{message} -- {shell_command(paths)}" if is_staged else message
    commands = [f"{add} && {commit}"]
    if done.found.tree.has_pipeline:
        commands.append("gitml exp run --dry-run")
    return [*commands, "gitml rules enforce   # when the warnings are mended"] if done.rules else commands


def _files(found: Survey, wish: Wish) -> tuple[list[Change], list[str], list[Note]]:
    """Return the changes of files, those that are in git and not here, and what is to be said."""
    root = found.root
    wanted: dict[str, bytes] = {}
    old: dict[str, bytes | None] = {}
    said: list[Note] = []

    def there(path: str) -> bytes | None:
        old[path] = changes.read(path, root)
        return old[path]

    path = adoption_files.ATTRIBUTES
    lines = adoption_files.attributes(found, there(path)) if found.tree.dvc else []
    if lines:
        wanted[path] = blocks.with_lines(old[path], lines)
    for folder in found.tree.dvc:
        path = f"{folder}/{adoption_files.IGNORED_BY_DVC}".lstrip("/")
        lines = adoption_files.ignored_by_dvc(there(path))
        if lines:
            wanted[path] = blocks.with_lines(old[path], lines)
    for path, write in (
        (adoption_files.REPORTS, adoption_files.about_reports),
        (config.FILE, lambda: adoption_toml.write(found)),
    ):
        content = there(path)
        wanted[path] = write() if content is None else content
    if wish.forge is not None:
        said += _add_ci(wanted, old, found, wish)
    absent = _absent([path for path in wanted if old[path] is None], root)
    made = [changes.change(path, content, old[path]) for path, content in wanted.items() if path not in absent]
    return made, absent, said


def _add_ci(wanted: dict[str, bytes], old: dict[str, bytes | None], found: Survey, wish: Wish) -> list[Note]:
    assert wish.forge is not None
    texts = ci.templates(wish.forge, ci.requirement(wish.pin, wish.forge), wish.python, found.main)
    said = []
    for path, text in texts.items():
        old[path] = content = changes.read(path, found.root)
        wanted[path] = text.encode() if content is None else content
        if content is not None and content != text.encode():
            mend = (f"gitml ci template {wish.forge} --dry-run", f"gitml ci template {wish.forge} --force")
            said.append(Note(f"{path} differs from what gitml would write", "It is left as it is.", mend))
    return said


def _hooks(found: Survey) -> tuple[Place | None, list[Step], list[Note]]:
    place = installation.find(found.root)
    try:
        steps = installation.plan_install(place)
    except NoHooksHere as error:
        return None, [], [Note(f"no hooks are installed: {error.what}", error.why, error.mend)]
    said = [Note(one) for one in installation.notes(place)]
    if (found.root / ".pre-commit-config.yaml").is_file():
        why = "gitml's hooks run beside it. Or list them in it, and take these out: docs/hooks.md says how."
        said.append(Note("hooks are managed by the pre-commit framework here", why, ("gitml hooks status",)))
    return place, steps, said


def _check_as_shown(shown: Plan, now: Plan) -> None:
    before = {one.path: one for one in shown.changes}
    different = [one.path for one in now.changes if one.does != "keep" and before.get(one.path) != one]
    if different:
        raise changes.ChangedMeanwhile(different, "gitml init")


def _absent(paths: list[str], root: Path) -> list[str]:
    """Return those of the paths that git has and the working tree has not."""
    if not paths:
        return []
    listed = git("--literal-pathspecs", "ls-files", "-z", "--", *paths, at=root)
    return [path for path in listed.split("\0") if path]


def _ignored(paths: list[str], root: Path) -> list[str]:
    if not paths:
        return []
    answer = ask("check-ignore", "-z", "--stdin", stdin="".join(f"{path}\0" for path in paths).encode(), at=root)
    return [path for path in answer.out.split("\0") if path]
