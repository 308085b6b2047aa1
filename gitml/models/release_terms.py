"""What is to be released, what came of it, and why it may not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions.branches import DEFAULT_MODEL
from gitml.conventions.shell import command
from gitml.errors import GitmlError

if TYPE_CHECKING:
    from gitml.conventions.versions import ModelVersion
    from gitml.models.provenance import Provenance
    from gitml.pipeline.remote import Plan
    from gitml.policy.check import Judged
    from gitml.policy.gates import GateResult


class Wish(NamedTuple):
    """What is to be released.

    Attributes
    ----------
    what
        An experiment or any revision; None for the experiment that is checked out.
    model
        The model's name.
    experiment
        The experiment whose report counts; empty to find it out.
    remote, data_remote
        The git and the DVC remote; empty for the default ones.
    is_repackaged
        Whether its model is that of an earlier release, and only what is around it is new.
    """

    what: str | None = None
    model: str = DEFAULT_MODEL
    experiment: str = ""
    remote: str = ""
    data_remote: str = ""
    is_repackaged: bool = False

    @property
    def typed(self) -> str:
        """The command by which somebody wishes it, without the git remote."""
        words = [self.what] if self.what is not None else []
        words += ["--experiment", self.experiment] if self.experiment else []
        words += ["--repackage"] if self.is_repackaged else []
        words += ["--data-remote", self.data_remote] if self.data_remote else []
        words += ["--model", self.model] if self.model != DEFAULT_MODEL else []
        return command(["gitml", "model", "release", *words])


class Released(NamedTuple):
    """What came of it.

    Attributes
    ----------
    version
        The release.
    commit, tag
        Full ids of the tip of its branch, and of its tag object.
    provenance
        What it says of itself.
    remote
        Where it is.
    is_new
        Whether this command made it; else the commit was released before.
    gates
        What each bound of each gate says.
    warnings
        What rules say that only warn.
    data
        What was sent to the DVC remotes.
    """

    version: ModelVersion
    commit: str
    tag: str
    provenance: Provenance
    remote: str
    is_new: bool
    gates: tuple[GateResult, ...]
    warnings: tuple[Judged, ...]
    data: Plan


class DataIsNowhere(GitmlError):
    """Some data of a release is neither here nor in its remote; nothing was changed."""

    def __init__(self, version: str, names: str, count: int) -> None:
        more = f" and {count - 3} more" if count > 3 else ""
        super().__init__(
            f"{version} is not released: some of its data is neither here nor in the DVC remote",
            f"{names}{more}. Nobody could check it out. Push it from where it was made. Nothing was changed.",
            ("gitml data push   # in the clone that made it", "gitml data status"),
        )
