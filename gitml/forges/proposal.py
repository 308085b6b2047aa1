"""The pull request of a promotion, with its evidence as its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.errors import BrokenEnvironment, GitmlError
from gitml.forges import connect
from gitml.forges.problems import NoToken
from gitml.forges.push_options import push_options
from gitml.forges.remote import compare_url
from gitml.models import evidence, registry
from gitml.models.promotion import message
from gitml.reports.forge_text import image_base
from gitml.reports.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.config import Config
    from gitml.forges.base import Forge, PullRequest
    from gitml.models.promotion import Promotion
    from gitml.models.upstream import Upstream
    from gitml.pipeline.storage import Storage

MARKER = "gitml-evidence"
"""Names the comment that `gitml ci comment` writes, so that the next one takes its place."""

NO_FORGE = "none"


class NotProposed(BrokenEnvironment):
    """The promotion is on the remote, and its pull request could not be opened."""

    def __init__(self, promotion: Promotion, error: GitmlError, page: str) -> None:
        mend = [*error.mend, f"gitml model promote {promotion.version}   # again: it opens the pull request"]
        if page:
            mend.insert(0, f"open {page}")
        super().__init__(
            f"{promotion.branch} is pushed, and its pull request could not be opened: {error.what}",
            error.why,
            tuple(dict.fromkeys(mend)),
        )
        self.page = page


class Place(NamedTuple):
    """Where pull requests are: the forge, if there is one, and the URL of the remote."""

    forge: Forge | None
    url: str


def place(remote: str, config: Config, environ: Mapping[str, str], at: Path | None = None) -> Place:
    """Return the forge behind a remote; None where it is none, or gitml.toml says that it is none.

    Raises
    ------
    NoToken
        There is nothing to show to it.
    """
    url = connect.url_of(remote, at)
    if config.forge.kind == NO_FORGE:
        return Place(None, url)
    return Place(connect.connect(url, kind=config.forge.kind, environ=environ), url)


def has_forge(remote: str, config: Config, environ: Mapping[str, str], at: Path | None = None) -> bool:
    """Say whether a remote is on a forge, whether or not there is a token for it."""
    try:
        return place(remote, config, environ, at).forge is not None
    except NoToken:
        return True


def said_with_the_push(promotion: Promotion, seen: Upstream, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return what lets GitLab open the merge request by itself, where there is no token to ask it with.

    Nothing with the first promotion: production is pushed beside it, and would get a merge request, too.
    """
    if promotion.is_opening:
        return ()
    try:
        place(seen.remote, seen.config, environ)
    except NoToken as error:
        if error.kind == "gitlab":
            return push_options(promotion.into, title(promotion, seen.config))
    except GitmlError:
        return ()
    return ()


def body(
    promotion: Promotion,
    seen: Upstream,
    environ: Mapping[str, str],
    at: Path | None = None,
    storage: Storage | None = None,
    fetch: bool = False,
) -> str:
    """Return the evidence for a promotion as Markdown, its plots as images where the forge can show them.

    Parameters
    ----------
    promotion, seen, environ, at
        What is promoted, and where to.
    storage, fetch
        As for `gitml.models.evidence.gather`.
    """
    before = registry.in_production(promotion.version.model, seen.registry, at)
    names = (str(promotion.version), str(before.version) if before is not None else "production")
    now, production = promotion.release.commit, promotion.production
    found = evidence.gather(now, production, seen.config, at, names=names, storage=storage, fetch=fetch)
    text = evidence.as_markdown(found, image_base=_images(now, seen, environ, at))
    return f"**Way back:** {plain(promotion.reason)}\n\n{text}" if promotion.reason else text


def _images(commit: str, seen: Upstream, environ: Mapping[str, str], at: Path | None) -> str:
    """Return where the forge shows a commit's files; empty where there is none. No token is needed to know."""
    kind = seen.config.forge.kind
    there = connect.place_of(connect.url_of(seen.remote, at), kind=kind, environ=environ) if kind != NO_FORGE else None
    return image_base(there.kind, f"{there.web}/{there.path}", commit) if there is not None else ""


def propose(
    promotion: Promotion, seen: Upstream, environ: Mapping[str, str], at: Path | None = None
) -> PullRequest | None:
    """Open the pull request of a promotion that is pushed, or bring the open one up to date.

    Returns
    -------
    request
        None where the remote is on no forge.

    Raises
    ------
    NotProposed
        The forge says no, does not answer, or there is no token for it.
    """
    url = connect.url_of(seen.remote, at)
    page = ""
    try:
        there = place(seen.remote, seen.config, environ, at)
        if there.forge is None:
            return None
        page = compare_url(url, promotion.branch, promotion.into, there.forge.name, environ.get("GITML_FORGE_URL", ""))
        return there.forge.open(
            promotion.branch, promotion.into, title(promotion, seen.config), body(promotion, seen, environ, at)
        )
    except NoToken as error:
        kind = seen.config.forge.kind or environ.get("GITML_FORGE", "")
        page = compare_url(url, promotion.branch, promotion.into, kind, environ.get("GITML_FORGE_URL", ""))
        raise NotProposed(promotion, error, page) from None
    except GitmlError as error:
        raise NotProposed(promotion, error, page) from None


def refresh(
    promotion: Promotion, seen: Upstream, environ: Mapping[str, str], at: Path | None = None
) -> PullRequest | None:
    """Bring the pull request of a promotion up to date, if its title or its verdict is of another time.

    One that somebody closed is not opened again, and what a reviewer ticked in one that is right stays.

    Returns
    -------
    request
        None where none is open, the remote is on no forge, or there is no token for it.

    Raises
    ------
    NotProposed
        The forge says no, or does not answer.
    """
    try:
        there = place(seen.remote, seen.config, environ, at)
        if there.forge is None:
            return None
        request = there.forge.find(promotion.branch, promotion.into)
        if request is None:
            return None
        name, text = title(promotion, seen.config), body(promotion, seen, environ, at)
        if (request.title, _verdict(request.body)) == (name, _verdict(text)):
            return request
        return there.forge.update(request.number, title=name, body=text)
    except NoToken:
        return None
    except GitmlError as error:
        raise NotProposed(promotion, error, "") from None


def _verdict(text: str) -> list[str]:
    """Return the lines above the first heading: why it is a way back, which model is better, what the gates say."""
    return [line.strip() for line in text.partition("### ")[0].splitlines()]


def title(promotion: Promotion, config: Config) -> str:
    """Return what the pull request is called, as the first line of its commit: a squash takes it."""
    return message(promotion.release, config, promotion.reason).partition("\n")[0]
