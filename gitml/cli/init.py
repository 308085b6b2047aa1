"""``gitml init``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from gitml.errors import WrongUsage

if TYPE_CHECKING:
    from gitml.cli.init_new import Asked
    from gitml.scaffold.ci import Forge

_EXAMPLE = """\b
Example:
  gitml init my-project            # asks; --yes takes the example data
  gitml init churn --data churn.csv --target churned
  gitml init --dry-run             # in a repository: what it would add
  gitml init --remove              # and takes out again
  gitml init --upgrade             # merges what a newer gitml lays down"""


@click.command("init", epilog=_EXAMPLE)
@click.argument("folder", required=False)
@click.option("--data", type=click.Path(path_type=Path), metavar="FILE", help="Learn from this table: CSV or Parquet.")
@click.option("--target", default="", metavar="COLUMN", help="The column to predict.")
@click.option("--forge", type=click.Choice(["github", "gitlab", "gitea", "none"]), help="Where pull requests are.")
@click.option("--ci/--no-ci", "has_ci", default=None, help="Lay down CI's files for the forge, or none.")
@click.option("--remote", default="", metavar="URL", help="The DVC remote; a folder beside the project by default.")
@click.option("--gitml", "pin", default="", metavar="WHICH", help="The gitml of project and CI: version, git+https://…")
@click.option("--dvc", is_flag=True, help="In a repository without DVC: make it a DVC project as well.")
@click.option(
    "--experiments", metavar="NAME", multiple=True, help="Make a branch of this experiment of `dvc exp`; all."
)
@click.option("--baseline", is_flag=True, help="Make the first commit, after the first run; `make run` does.")
@click.option("--upgrade", is_flag=True, help="Merge what this gitml would lay down into the project.")
@click.option("--remove", is_flag=True, help="Take out what init put into this repository.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: everything has a default.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "is_json", is_flag=True, help="Write a JSON object.")
@click.pass_context
def command(
    context: click.Context,
    folder: str | None,
    data: Path | None,
    target: str,
    forge: str | None,
    has_ci: bool | None,
    remote: str,
    pin: str,
    dvc: bool,
    experiments: tuple[str, ...],
    baseline: bool,
    upgrade: bool,
    remove: bool,
    yes: bool,
    dry_run: bool,
    is_json: bool,
) -> None:
    """Lay down a new project, or adopt the repository that is here.

    A new project has a pipeline that runs, its notebooks, tests, hooks, and a DVC remote; `make run` in it
    installs, runs and makes the first commit. In a git or DVC repository nothing is written over: what would
    be added is shown first, and --remove takes it out again. Killed or stopped, the same command goes on.
    """
    _only_one(baseline=baseline, upgrade=upgrade, remove=remove)
    if folder == "":
        raise WrongUsage(
            "the folder has no name", "An empty word is not the folder that you are in.", ("gitml init .",)
        )
    place = Path(folder) if folder is not None else None
    from gitml.scaffold import site

    if baseline:
        from gitml.cli import init_baseline

        init_baseline.commit(site.around(place or Path()), dry_run, is_json)
        return
    if upgrade:
        from gitml.cli import init_upgrade

        context.exit(init_upgrade.upgrade(site.around(place or Path()), yes or is_json, dry_run, is_json))
    if remove:
        from gitml.cli import init_adopt

        init_adopt.remove(place, is_yes=yes, is_dry_run=dry_run, as_json=is_json)
        return
    from gitml.cli import init_new

    asked = _asked(data, target, forge, has_ci, remote, pin, is_quiet=yes or is_json or dry_run)
    found = site.look(place if place is not None else site.around(Path()))
    if found.kind == "other":
        from gitml.cli import init_adopt

        if data is not None or target:
            raise WrongUsage(
                f"{found.folder} is a repository already",
                "It is adopted as it is; a table of one's own makes a new project, in a new folder.",
                ("gitml init", "gitml init ANOTHER-FOLDER --data FILE --target COLUMN"),
            )
        init_adopt.adopt(
            found.folder,
            forge=cast("Forge | None", forge if forge in ("github", "gitlab") and has_ci is not False else None),
            pin=pin,
            has_dvc=dvc,
            experiments=experiments or None,
            is_yes=yes,
            is_dry_run=dry_run,
            as_json=is_json,
        )
        return
    init_new.lay_down(found, asked, dry_run, is_json)


def _asked(
    data: Path | None, target: str, forge: str | None, has_ci: bool | None, remote: str, pin: str, is_quiet: bool
) -> Asked:
    import sys

    from gitml.cli.init_new import Asked

    if target and data is None:
        raise WrongUsage("--target needs a table", "", ("gitml init my-project --data FILE --target COLUMN",))
    return Asked(data, target, forge, has_ci, remote, pin, not is_quiet and sys.stdin.isatty() and sys.stdout.isatty())


def _only_one(**flags: bool) -> None:
    given = [f"--{name}" for name, is_given in flags.items() if is_given]
    if len(given) > 1:
        raise WrongUsage(
            f"{' and '.join(given)} do not go together", "Each is a command of its own.", (f"gitml init {given[0]}",)
        )
