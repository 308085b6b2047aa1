"""The registry's tags, as GTO reads them: made as objects first, so that branch and tag are pushed together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gitml.conventions import tags
from gitml.conventions.tags import GtoTag
from gitml.git.command import git
from gitml.git.signing import sign_tag
from gitml.git.tags import tag_object
from gitml.models.registry import PRODUCTION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gitml.config import Config
    from gitml.conventions.versions import ModelVersion
    from gitml.models.provenance import Provenance


def release_tag(
    version: ModelVersion, commit: str, provenance: Provenance, config: Config, at: Path | None = None
) -> str:
    """Write the tag that marks a release and return its object's id; no ref knows it yet.

    Parameters
    ----------
    version, commit
        The release, and the full id of the tip of its branch.
    provenance
        What it says of itself.
    config
        Whether it is to be signed.
    at
        As for `gitml.git.command.git`.
    """
    of = f" of {provenance.experiment}" if provenance.experiment else ""
    message = f"release {version}{of}\n\nReleased commit: {provenance.commit}\n"
    make = sign_tag if config.approvals.signs_releases else tag_object
    return make(version.tag, commit, message, at)


def assignment(version: ModelVersion, known: Iterable[str]) -> GtoTag:
    """Return the tag by which GTO sees a release in production, and which no tag is called yet.

    Parameters
    ----------
    version
        The release.
    known
        The short names of all tags.
    """
    return GtoTag("assign", version.model, stage=PRODUCTION, counter=tags.next_counter(version.model, known))


def assignment_tag(tag: GtoTag, version: ModelVersion, commit: str, deployment: str, at: Path | None = None) -> str:
    """Write that tag and return its object's id.

    Parameters
    ----------
    tag, version
        The tag, and the release that it marks.
    commit
        Full id of the tip of the release's branch.
    deployment
        Full id of production's commit that brought it.
    at
        As for `gitml.git.command.git`.
    """
    message = f"{version} is in production\n\nDeployment: {deployment}\n"
    return tag_object(str(tag), commit, message, at, _after(tag, at))


def _after(tag: GtoTag, at: Path | None) -> int:
    """Return a time behind those of all tags with a lower counter, also of such as are made in this very second.

    GTO takes the newest for what counts, and reads whole seconds.
    """
    listed = git("for-each-ref", "--format=%(taggerdate:unix) %(refname:short)", "refs/tags/", at=at)
    known = [
        (int(made or 0), tags.parse(name)) for made, _, name in (line.partition(" ") for line in listed.split("\n"))
    ]
    own = [(one.counter, seconds) for seconds, one in known if one is not None and one.artifact == tag.artifact]
    counter, newest = max(own, default=(0, int(time.time())))
    return newest + tag.counter - counter if counter else newest + tag.counter - 1
