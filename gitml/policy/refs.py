"""The rules about where branches and tags may point, and how they may move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitml.conventions import branches, tags, trailers, versions
from gitml.conventions.branches import BranchName
from gitml.conventions.commits import shown
from gitml.conventions.versions import ModelVersion
from gitml.policy.rules import Violation, severity_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gitml.config import Config
    from gitml.conventions.tags import GtoTag
    from gitml.git.history import Commit
    from gitml.policy.rules import Severity

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
REPLACEMENTS = "refs/replace/"
PRODUCTION: Final = "production"
"""The stage of GTO that is only what the production branch is, or was."""

_NONE: Final[Mapping[str, ModelVersion]] = {}


class RefUpdate(NamedTuple):
    """One ref that somebody wants to create, move or delete.

    Attributes
    ----------
    ref
        Its full name.
    old, new
        Ids of the objects; None where there is none.
    """

    ref: str
    old: str | None
    new: str | None

    @property
    def branch(self) -> str | None:
        """The short name of a branch; None for every other ref."""
        return self.ref.removeprefix(BRANCHES) if self.ref.startswith(BRANCHES) else None

    @property
    def tag(self) -> str | None:
        """The short name of a tag; None for every other ref."""
        return self.ref.removeprefix(TAGS) if self.ref.startswith(TAGS) else None

    @property
    def does(self) -> str:
        """``create``, ``move`` or ``delete``."""
        return "create" if self.old is None else "delete" if self.new is None else "move"


class Target(NamedTuple):
    """What a tag points to.

    Attributes
    ----------
    commit
        Id of the commit behind it; None where it is none.
    is_annotated
        Whether it is an object of its own.
    name
        What that object says its own name is; empty where it says none.
    deployment
        The commit of production that it says it is about; empty where it says none.
    """

    commit: str | None
    is_annotated: bool
    name: str = ""
    deployment: str = ""


class Tip(NamedTuple):
    """Where a branch points: the commit and its tree."""

    commit: str
    tree: str


class Move(NamedTuple):
    """How a production branch moves.

    Attributes
    ----------
    commits
        The new commits on its first-parent history, the newest first.
    goes_on
        Whether that history goes on from where the branch was.
    """

    commits: Sequence[Commit]
    goes_on: bool


def immutable_branch(update: RefUpdate, config: Config) -> Violation | None:
    """Judge whether a ``models/*`` branch is only ever created."""
    severity = severity_of(config, "immutable-model")
    name = branches.parse(update.branch or "")
    if severity is None or name is None or name.kind != "model" or update.does == "create":
        return None
    done = "deleted" if update.does == "delete" else "moved"
    return Violation(
        "immutable-model",
        severity,
        f"{name} is released and cannot be {done}",
        "A release is created once. A bad one is marked, and a better one gets the next number.",
        (f"gitml model yank {versions.parse(str(name))}", "gitml model release"),
    )


def replacement(update: RefUpdate, config: Config) -> Violation | None:
    """Judge a ref by which git would show one commit's content under the id of another."""
    severity = severity_of(config, "immutable-model")
    if severity is None or update.does == "delete" or not update.ref.startswith(REPLACEMENTS):
        return None
    says = f"{update.ref.removeprefix(REPLACEMENTS)[:10]} would be shown as {(update.new or '')[:10]}"
    why = "refs/replace/* gives a commit other content under its own id, a released one too."
    return Violation("immutable-model", severity, says, why, ("git replace --list   # they stay in your own clone",))


def model_tag(
    update: RefUpdate,
    target: Target,
    releases: dict[str, Tip],
    production: Mapping[str, str],
    config: Config,
    in_production: str = "",
    next_counter: int = 1,
) -> Violation | None:
    """Judge a tag of the model registry.

    Parameters
    ----------
    update
        What is done to the tag.
    target
        What it is to point to.
    releases
        The tips of the ``models/*`` branches, by their short names, as they are after the push.
    production
        The commits that production has had, as it is after the push, and their trees.
    config
        The project's configuration.
    in_production
        The tree that production has after the push; empty for none.
    next_counter
        The counter that no tag of the model has had before the push, and all higher ones.
    """
    severity = severity_of(config, "immutable-model")
    tag = tags.parse(update.tag or "")
    if severity is None or tag is None or not branches.is_model(tag.artifact):
        return None
    if update.does != "create":
        done = "deleted" if update.does == "delete" else "moved"
        why = "The registry's tags are its history: each is created once. A later tag says what changed."
        return Violation("immutable-model", severity, f"the tag {tag} cannot be {done}", why)
    fault = _why_not(tag, target, releases) or _why_no_stage(tag, target, releases, production, in_production)
    if fault is None and tag.action in ("assign", "unassign") and tag.counter < next_counter:
        fault = f"The next counter is {next_counter}: a tag of this one was made before."
    if fault is None:
        return _yanked_while_in_production(tag, releases, in_production, severity)
    mend = ("gitml model release",) if tag.action == "register" else ("gitml ci record",)
    return Violation("immutable-model", severity, f"the tag {tag} does not mark a release", fault, mend)


def _why_not(tag: GtoTag, target: Target, releases: dict[str, Tip]) -> str | None:
    """Say why a new tag of the registry is not where it belongs; None where it is."""
    if not target.is_annotated:
        return "GTO and gitml read annotated tags only: they say who made them and when."
    if target.name and target.name != str(tag):
        return f"It is the object of another tag, {shown(target.name)}, put under this name."
    if tag.action == "deprecate":
        return "GTO would show nothing of the model any more, for ever. A release that is bad is yanked."
    if tag.action in ("register", "deregister"):
        version = versions.parse(f"{tag.artifact}@{tag.version}")
        if version is None or tag.counter:
            return f"The release N of a model is tagged {tag.artifact}@vN.0.0."
        tip = releases.get(version.branch)
        if tip is None:
            return f"There is no branch {version.branch}; the two are pushed together."
        if tip.commit != target.commit:
            return f"It is not on the tip of {version.branch}."
        return None
    tips = [tip for name, tip in releases.items() if tip.commit == target.commit and _is_of(name, tag.artifact)]
    if not tips:
        return f"A stage is given to the tip of a branch models/{tag.artifact}-v<N>, and to no other commit."
    return None


def _why_no_stage(
    tag: GtoTag, target: Target, releases: dict[str, Tip], production: Mapping[str, str], now: str
) -> str | None:
    """Say why a tag about the stage production is not what production's branch is, or was."""
    if tag.stage != PRODUCTION:
        return None
    branch = f"production/production-{tag.artifact}"
    if tag.action == "unassign":
        return f"The stage is what {branch} has, and that goes forward only."
    trees = {tip.tree for name, tip in releases.items() if tip.commit == target.commit and _is_of(name, tag.artifact)}
    if trees.isdisjoint(production.values()):
        return f"{branch} does not have this model, and never had."
    if target.deployment and production.get(target.deployment) not in trees:
        return f"It says to be about {shown(target.deployment)}, by which {branch} did not get this model."
    if not target.deployment and now not in trees:
        return f"{branch} has another model now; a tag about an earlier time names its commit: Deployment: <id>."
    return None


def _yanked_while_in_production(
    tag: GtoTag, releases: dict[str, Tip], in_production: str, severity: Severity
) -> Violation | None:
    version = versions.parse(f"{tag.artifact}@{tag.version}") if tag.action == "deregister" else None
    if version is None or releases[version.branch].tree != in_production:
        return None
    why = "GTO would show the model before it in production, and serving would not know what to load."
    mend = ('gitml model rollback --reason "…"   # first',)
    return Violation("immutable-model", severity, f"{version} is in production and cannot be yanked", why, mend)


def _is_of(branch: str, model: str) -> bool:
    name = branches.parse(branch)
    return name is not None and name.kind == "model" and name.name == model


def promote_shape(
    update: RefUpdate,
    tip: Commit | None,
    production: Tip | None,
    release: Tip | None,
    config: Config,
    is_yanked: bool = False,
) -> Violation | None:
    """Judge whether a promotion is one commit on production's tip with the tree of the model it names.

    Parameters
    ----------
    update
        What is done to the branch.
    tip
        The commit that it is to point to; None where that cannot be read.
    production
        Where production is.
    release
        Where the branch ``models/<model>-v<N>`` of the same name is.
    config
        The project's configuration.
    is_yanked
        Whether that release was withdrawn.
    """
    severity = severity_of(config, "promote-shape")
    name = branches.parse(update.branch or "")
    if severity is None or name is None or name.kind != "promotion" or update.does == "delete":
        return None
    version = ModelVersion(name.name, name.number)
    if is_yanked:
        withdrawn = "It was withdrawn by a tag that stays; another release, or a new one, can be promoted."
        return Violation("promote-shape", severity, f"{version} is yanked", withdrawn, (f"gitml model show {version}",))
    why = _why_no_promotion(version, tip, production, release)
    if why is None:
        return None
    says = f"{name} is not the promotion of {version}"
    return Violation("promote-shape", severity, says, why, (f"gitml model promote {version}",))


def _why_no_promotion(
    version: ModelVersion, tip: Commit | None, production: Tip | None, release: Tip | None
) -> str | None:
    target = BranchName(PRODUCTION, version.model)
    if release is None:
        return f"There is no branch {version.branch}: a model is released before it is promoted."
    if production is None:
        return f"There is no branch {target} yet; it begins with one commit of the empty tree."
    if tip is None or tip.parents != (production.commit,):
        return f"It is one commit whose only parent is the tip of {target}, which is {production.commit[:10]}."
    if tip.tree != release.tree:
        return f"Its files are not those of {version.branch}: a promotion changes nothing."
    said = {trailer.key.lower(): trailer.value for trailer in trailers.parse(tip.message)}
    if versions.parse(said.get("model", ""), version.model) != version:
        return f"Its message has no trailer Model: {version}."
    if said.get("model-commit") != release.commit:
        return f"Its message has no trailer Model-Commit: {release.commit}."
    return None


def production_tree(
    update: RefUpdate,
    move: Move,
    model_trees: Collection[str],
    has_yet: bool,
    config: Config,
    yanked: Mapping[str, ModelVersion] = _NONE,
) -> list[Violation]:
    """Judge whether production has nothing but released models, one after the other.

    Parameters
    ----------
    update
        What is done to the branch.
    move
        The commits that it gets.
    model_trees
        The trees of the tips of ``models/<the same model>-v*``.
    has_yet
        Whether the branch was there before.
    config
        The project's configuration.
    yanked
        The releases of the model that were withdrawn, by their trees: none of them gets there any more.
    """
    severity = severity_of(config, "production-tree")
    name = branches.parse(update.branch or "")
    if severity is None or name is None or name.kind != PRODUCTION:
        return []
    forward = (f"gitml model rollback --to v<N>   # one more commit on {name}",)
    if update.does == "delete":
        why = "Its history is the list of what was in production."
        return [Violation("production-tree", severity, f"{name} cannot be deleted", why, forward)]
    if not move.goes_on or not move.commits:
        why = "Its first-parent history only grows: a line a deployment, the way back included."
        return [Violation("production-tree", severity, f"{name} cannot be forced", why, forward)]
    opening = None if has_yet else move.commits[-1]
    wrong = [commit for commit in move.commits if commit.tree not in model_trees and commit is not opening]
    found = [_foreign(commit, name, severity) for commit in reversed(wrong)]
    if len(move.commits) - (opening is not None) > 1:
        says = f"{len(move.commits) - (opening is not None)} deployments of {name} come at once"
        why = "Each is judged by itself, as production is when it comes: push one after the other."
        found.append(Violation("production-tree", severity, says, why))
    bad = [(commit, yanked[commit.tree]) for commit in reversed(move.commits) if commit.tree in yanked]
    found += [_withdrawn(commit, version, severity) for commit, version in bad]
    if opening is not None and (opening.has_files or opening.parents):
        why = "So that the first model comes by a reviewed promotion, too."
        says = f"{name} does not begin with one commit of the empty tree"
        found.insert(0, Violation("production-tree", severity, says, why))
    return found


def _withdrawn(commit: Commit, version: ModelVersion, severity: Severity) -> Violation:
    says = f"{commit.oid[:10]} {shown(commit.subject)} brings {version}, which is yanked"
    why = "It was withdrawn by a tag that stays, so it is no way forward and no way back."
    return Violation("production-tree", severity, says, why, ('gitml model rollback --to v<N> --reason "…"',))


def _foreign(commit: Commit, name: BranchName, severity: Severity) -> Violation:
    says = f"{commit.oid[:10]} {shown(commit.subject)} has not the files of a released {name.name}"
    why = (
        f"{name} has, byte for byte, the tree of a branch models/{name.name}-v<N>. It was edited, "
        "or merged with something else."
    )
    return Violation("production-tree", severity, says, why, ("gitml model promote v<N>",))
