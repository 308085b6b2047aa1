"""``gitml model release``."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from gitml.conventions.versions import ModelVersion
from gitml.git import oplog
from gitml.models import provenance

from .conftest import Done
from .teams import CONFIG, Team, finish_report, team
from .tiny_projects import Project

__all__ = ["team"]

Gitml = Callable[..., Done]

V1 = "refs/heads/models/model-v1"
TAG1 = "refs/tags/model@v1.0.0"


def said(team: Team, version: str = "model-v1") -> provenance.Provenance:
    return provenance.parse(team.server.run("git", "show", f"models/{version}:provenance.json").out.encode())


class TestTheRelease:
    def test_what_it_prints(self, team: Team, gitml: Gitml) -> None:
        done = gitml("model", "release", "lower", at=team.ada.path)
        tip = team.ada.git("rev-parse", "--short", "experiments/lower")
        assert done.code == 0, done.err
        assert done.out == (
            "✓ roc_auc  0.703  at least 0.7005\n"
            "· roc_auc  0.703                   nothing is in production\n"
            "data     pushed 2 files, 72 bytes to storage\n"
            f"✓ model-v1 released of lower ({tip})\n"
            "         branch models/model-v1 and tag model@v1.0.0 on origin\n"
            "next     gitml model promote v1\n"
        )

    def test_one_commit_on_the_experiment_and_a_tag_on_it(self, team: Team, gitml: Gitml) -> None:
        gitml("model", "release", "lower", at=team.ada.path)
        tip = team.ada.git("rev-parse", "experiments/lower")
        refs = team.refs()
        assert refs.keys() == {"refs/heads/main", V1, TAG1}
        assert team.server.git("rev-parse", f"{V1}^") == tip
        assert team.server.git("rev-parse", f"{TAG1}^{{commit}}") == refs[V1]
        assert team.server.git("cat-file", "-t", refs[TAG1]) == "tag"
        assert team.server.git("diff", "--name-status", tip, V1) == "A\tMODEL_CARD.md\nA\tprovenance.json"
        assert (team.ada.git("rev-parse", V1), team.ada.git("rev-parse", TAG1)) == (refs[V1], refs[TAG1])
        assert team.ada.status() == ""
        assert team.ada.git("symbolic-ref", "--short", "HEAD") == "main"
        message = team.server.message(V1)
        assert message.startswith("model: release model-v1 of lower\n\nModel: model-v1\nExperiment: lower\n")
        assert f"Experiment-Commit: {tip}\nMetrics: roc_auc 0.703\nRelease-Id: " in message

    def test_what_it_says_of_itself(self, team: Team, gitml: Gitml) -> None:
        gitml("model", "release", "lower", at=team.ada.path)
        found = said(team)
        assert (str(found.version), found.experiment) == ("model-v1", "lower")
        assert found.commit == team.ada.git("rev-parse", "experiments/lower")
        assert found.person == "Ada <ada@example.com>"
        assert found.metrics == {"roc_auc": 0.703}
        assert found.params == {"train.lr": 3e-3, "train.depth": 3, "seed": 7, "unused": 1}
        lock = team.ada.run("git", "show", "experiments/lower:dvc.lock").out.encode()
        assert found.lock == {"dvc.lock": hashlib.sha256(lock).hexdigest()}
        (file,) = found.model
        assert (file.path, file.size) == ("models/model/weights", 5)
        assert file.sha256 == hashlib.sha256(b"3e-3\n").hexdigest()
        assert file.md5 == hashlib.md5(b"3e-3\n").hexdigest()
        card = team.server.run("git", "show", "models/model-v1:MODEL_CARD.md").out
        for part in (
            "# model-v1\n",
            "| roc\\_auc | 0.7030 |",
            "Words about Objective.",
            file.sha256,
            "train.lr: 0.003",
        ):
            assert part in card

    def test_a_colleague_gets_its_data(self, team: Team, gitml: Gitml) -> None:
        gitml("model", "release", "lower", at=team.ada.path)
        ben = team.clone("ben")
        ben.git("switch", "--quiet", "--detach", "origin/models/model-v1")
        done = ben.run(sys.executable, "-m", "dvc", "pull", "--quiet")
        assert done.code == 0, done.err
        assert (ben.path / "models/model/weights").read_text() == "3e-3\n"

    def test_of_what_is_checked_out(self, team: Team, gitml: Gitml) -> None:
        team.ada.git("switch", "--quiet", "experiments/lower")
        assert gitml("model", "release", at=team.ada.path / "stages").code == 0
        assert said(team).experiment == "lower"

    def test_in_a_linked_worktree(self, team: Team, gitml: Gitml) -> None:
        team.ada.git("worktree", "add", "--quiet", "../linked", "experiments/lower")
        (team.ada.path.parent / "linked/.dvc/config.local").write_text(
            f"[cache]\n    dir = {team.ada.path}/.dvc/cache\n"
        )
        assert gitml("model", "release", at=team.ada.path.parent / "linked").code == 0
        assert said(team).experiment == "lower"

    def test_of_any_commit_of_one_experiment(self, team: Team, gitml: Gitml) -> None:
        commit = team.ada.git("rev-parse", "experiments/lower")
        assert gitml("model", "release", commit[:12], at=team.ada.path).code == 0
        assert said(team).experiment == "lower"

    def test_of_mains_merge_of_an_experiment(self, team: Team, gitml: Gitml) -> None:
        done = gitml("exp", "finish", "lower", "--accept", at=team.ada.path)
        assert done.code == 0, done.err
        team.ada.git("push", "--quiet", "origin", "main")
        assert gitml("model", "release", "main", at=team.ada.path).code == 0
        assert (said(team).experiment, said(team).commit) == ("lower", team.ada.git("rev-parse", "main"))

    def test_the_next_number(self, team: Team, gitml: Gitml) -> None:
        for slug in ("lower", "higher"):
            assert gitml("model", "release", slug, at=team.ada.path).code == 0
        assert gitml("model", "release", "middle", "--model", "churn", at=team.ada.path).code == 0
        assert [ref for ref in team.refs() if "models/" in ref] == [
            "refs/heads/models/churn-v1",
            V1,
            "refs/heads/models/model-v2",
        ]

    def test_again_it_names_the_release(self, team: Team, gitml: Gitml) -> None:
        gitml("model", "release", "lower", at=team.ada.path)
        before = team.refs()
        done = gitml("model", "release", "lower", at=team.ada.path)
        assert done.code == 0
        assert "is model-v1 already" in done.out
        assert team.refs() == before
        again = json.loads(gitml("model", "release", "models/model-v1", "--json", at=team.ada.path).out)
        assert (again["is_new"], again["branch"]) == (False, "models/model-v1")

    def test_json(self, team: Team, gitml: Gitml) -> None:
        told = json.loads(gitml("model", "release", "lower", "--json", at=team.ada.path).out)
        assert (told["model"], told["version"], told["tag"]) == ("model", 1, "model@v1.0.0")
        assert told["commit"] == team.refs()[V1]
        assert [gate["verdict"] for gate in told["gates"]] == ["passed", "not compared"]
        assert {each["path"] for each in told["pushed"]} == {"models/model", "models/model/weights"}

    def test_a_dry_run_of_what_is_released_says_that_nothing_is_left(self, team: Team, gitml: Gitml) -> None:
        gitml("model", "release", "lower", at=team.ada.path)
        assert gitml("model", "release", "lower", "--dry-run", at=team.ada.path).out == "nothing is left to do\n"
        assert gitml("model", "release", "lower", "--dry-run", "--json", at=team.ada.path).out == "[]\n"

    def test_a_dry_run_changes_nothing(self, team: Team, gitml: Gitml) -> None:
        before = (team.refs(), team.ada.git("for-each-ref"), sorted(team.storage.rglob("*")))
        done = gitml("model", "release", "lower", "--dry-run", at=team.ada.path)
        assert "would push models/model-v1 and the tag model@v1.0.0 to origin\n" in done.out
        assert (team.refs(), team.ada.git("for-each-ref"), sorted(team.storage.rglob("*"))) == before

    def test_it_is_not_undone_but_answered(self, team: Team, gitml: Gitml) -> None:
        gitml("model", "release", "lower", at=team.ada.path)
        done = gitml("undo", at=team.ada.path)
        assert done.code == 1
        assert 'gitml model yank model-v1 --reason "…"' in done.err
        assert V1 in team.refs()


class TestWhatIsRefused:
    def refused(self, team: Team, gitml: Gitml, *words: str, code: int = 1) -> str:
        before = (team.refs(), sorted(team.storage.rglob("*")), team.ada.git("for-each-ref", "refs/heads", "refs/tags"))
        done = gitml("model", "release", *words, at=team.ada.path)
        assert done.code == code, done
        after = (team.refs(), sorted(team.storage.rglob("*")), team.ada.git("for-each-ref", "refs/heads", "refs/tags"))
        assert after == before
        return " ".join(done.err.split())

    def test_a_gate(self, team: Team, gitml: Gitml) -> None:
        said = self.refused(team, gitml, "small")
        assert "✗ roc_auc 0.7001 at least 0.7005" in said
        assert "roc_auc 0.7001 is below 0.7005 (gates)" in said

    def test_worse_than_production(self, team: Team, gitml: Gitml) -> None:
        team.law(CONFIG.replace("0.005", "0.001"))
        for words in (("release", "higher"), ("promote", "v1"), ("promote", "v1", "--merge")):
            assert gitml("model", *words, at=team.ada.path).code == 0
        said = self.refused(team, gitml, "lower")
        assert "roc_auc 0.703 is 0.006 worse than production's 0.709 (gates)" in said

    def test_the_gates_are_mains_not_the_experiments(self, team: Team, gitml: Gitml) -> None:
        team.ada.git("switch", "--quiet", "experiments/small")
        team.ada.commit("experiment: easier", **{"gitml.toml": "[gates.roc_auc]\nmin = 0.1\n"})
        assert "is below 0.7005" in self.refused(team, gitml)

    def test_a_model_that_is_too_large(self, team: Team, gitml: Gitml) -> None:
        team.law('[gates."model.bytes"]\nmax = 4\n')
        assert "model.bytes 5 is above 4 (gates)" in self.refused(team, gitml, "lower")
        team.law('[gates."model.bytes"]\nmax = 5\n')
        assert gitml("model", "release", "lower", at=team.ada.path).code == 0

    def test_an_experiment_that_is_far_behind_main(self, team: Team, gitml: Gitml) -> None:
        team.law('[gates."main.behind"]\nmax = 0\n')
        said = self.refused(team, gitml, "lower")
        assert "main.behind 1 is above 0 (gates)" in said
        team.law('[gates."main.behind"]\nmax = 2\n')
        assert gitml("model", "release", "lower", at=team.ada.path).code == 0
        for number in range(3):
            team.law(f'[gates."main.behind"]\nmax = 2\n# {number}\n')
        assert gitml("model", "promote", "v1", at=team.ada.path).code == 0, "main moved on since"

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ("slice,excess\na,0.2\nb,0.31\n", "slices.worst 0.31 is above 0.3 (gates)"),
            ("slice,excess\na,nan\n", "there is no slices.worst among the metrics (gates)"),
            ("slice\na\n", "there is no slices.worst among the metrics (gates)"),
            (None, "there is no slices.worst among the metrics (gates)"),
        ],
    )
    def test_a_group_of_rows_for_which_it_is_too_bad(
        self, team: Team, gitml: Gitml, table: str | None, says: str
    ) -> None:
        team.law('[gates."slices.worst"]\nmax = 0.3\n')
        team.ada.git("switch", "--quiet", "experiments/lower")
        if table is not None:
            team.ada.commit("experiment: groups", **{"results/train/plots/analysis/slices.csv": table})
            team.ada.commit("experiment: better ones", **{"aaa/analysis/slices.csv": "slice,excess\na,0.0\n"})
        assert says in self.refused(team, gitml)

    def test_no_metrics_file_can_say_what_is_derived(self, team: Team, gitml: Gitml) -> None:
        from gitml.git.objects import Objects, list_tree
        from gitml.pipeline.snapshot import Snapshot
        from gitml.policy import release

        team.ada.git("switch", "--quiet", "experiments/lower")
        said = '{"roc_auc": 0.703, "model.bytes": 1, "main.behind": 0}'
        team.ada.commit("experiment: lies", **{"results/train/metrics.json": said})
        with Objects(team.ada.path) as objects:
            found = release._figures(Snapshot(list_tree("HEAD", team.ada.path), objects))
        assert found == {"roc_auc": 0.703, "model.bytes": 5}

    def test_an_unfinished_report(self, team: Team, gitml: Gitml) -> None:
        team.ada.git("switch", "--quiet", "main")
        assert gitml("exp", "start", "idea", at=team.ada.path).code == 0
        said = self.refused(team, gitml)
        assert "the report of idea is not finished" in said
        assert "gitml report edit idea" in said

    def test_a_stale_lock(self, team: Team, gitml: Gitml) -> None:
        team.ada.git("switch", "--quiet", "experiments/lower")
        team.ada.change("params.yaml", "3e-3", "4e-3")
        team.ada.commit("experiment: another rate, never run")
        assert "(lock-stale)" in self.refused(team, gitml)

    def test_a_metric_edited_by_hand(self, team: Team, gitml: Gitml) -> None:
        team.ada.git("switch", "--quiet", "experiments/lower")
        team.ada.commit("experiment: better", **{"results/train/metrics.json": '{"roc_auc": 0.99}\n'})
        assert "(lock-forged)" in self.refused(team, gitml)

    @pytest.mark.parametrize("text", ['{"roc_auc": NaN}', '{"roc_auc": 0.8, "roc_auc": 0.9}', "{"])
    def test_metrics_that_mean_more_than_one_thing(self, team: Team, gitml: Gitml, text: str) -> None:
        team.ada.git("switch", "--quiet", "experiments/lower")
        team.ada.commit("experiment: odd", **{"results/train/metrics.json": text})
        assert "results/train/metrics.json cannot be read" in self.refused(team, gitml)

    @pytest.mark.parametrize(
        ("content", "path", "code"), [(b"3e-3\n", "models/model/weights", 3), (b"1 2 3\n", "data/rows", 1)]
    )
    def test_data_that_is_nowhere(self, team: Team, gitml: Gitml, content: bytes, path: str, code: int) -> None:
        for folder in (team.ada.path / ".dvc/cache/files", team.storage):
            for file in list(folder.rglob("*")):
                if file.is_file() and file.read_bytes() == content:
                    file.unlink()
        said = self.refused(team, gitml, "lower", code=code)
        assert path in said and "neither" in said

    def test_no_experiment(self, team: Team, gitml: Gitml) -> None:
        assert "you are on main, which is no experiment" in self.refused(team, gitml, code=2)
        assert "names no commit here" in self.refused(team, gitml, "nothing", code=2)
        assert "begins with a dash" in self.refused(team, gitml, "--", "-x", code=2)

    def test_a_commit_of_several_experiments(self, team: Team, gitml: Gitml) -> None:
        said = self.refused(team, gitml, "main", code=2)
        assert "it is not clear which experiment main is of" in said
        assert "gitml model release main --experiment NAME" in said

    def test_a_model_of_no_name(self, team: Team, gitml: Gitml) -> None:
        assert "cannot name a model" in self.refused(team, gitml, "lower", "--model", "My Model", code=2)

    def test_no_remote(self, team: Team, gitml: Gitml) -> None:
        team.ada.git("remote", "remove", "origin")
        done = gitml("model", "release", "lower", at=team.ada.path)
        assert done.code == 3
        assert "this repository has no remote" in done.err
        assert "git init --bare ../project.git" in done.err

    def test_a_remote_that_is_gone(self, team: Team, gitml: Gitml) -> None:
        team.server.path.rename(team.folder / "gone.git")
        done = gitml("model", "release", "lower", at=team.ada.path)
        assert (done.code, "could not be reached" in done.err) == (3, True)

    def test_no_identity(self, team: Team, gitml: Gitml, home: object) -> None:
        (team.folder.parent / "home/.gitconfig").write_text("")
        done = gitml("model", "release", "lower", at=team.ada.path)
        assert (done.code, "git does not know who commits" in done.err) == (3, True)


class TestColleagues:
    def test_both_at_once_get_two_numbers(self, team: Team) -> None:
        ben = Project(team.folder / "ben")
        subprocess.run(["cp", "-a", str(team.ada.path), str(ben.path)], check=True)
        ben.git("config", "user.email", "ben@example.com")
        processes = [one.start_gitml("model", "release", slug) for one, slug in ((team.ada, "lower"), (ben, "higher"))]
        told = [process.communicate(timeout=120) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], told
        refs = team.refs()
        assert {"refs/heads/models/model-v1", "refs/heads/models/model-v2"} <= refs.keys()
        assert {said(team, f"model-v{number}").experiment for number in (1, 2)} == {"lower", "higher"}
        assert team.is_sound()

    def test_the_same_commit_from_two_clones_is_released_once(self, team: Team) -> None:
        ben = Project(team.folder / "ben")
        subprocess.run(["cp", "-a", str(team.ada.path), str(ben.path)], check=True)
        processes = [one.start_gitml("model", "release", "lower") for one in (team.ada, ben)]
        told = [process.communicate(timeout=120) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], told
        assert [ref for ref in team.refs() if "/models/" in ref] == [V1]
        assert sum("already" in out for out, _ in told) == 1

    def test_a_tag_here_that_is_not_the_servers(self, team: Team, gitml: Gitml) -> None:
        gitml("model", "release", "lower", at=team.ada.path)
        ben = team.clone("ben")
        ben.git("tag", "--delete", "model@v1.0.0")
        ben.git("tag", "-m", "mine", "model@v1.0.0", "main")
        done = gitml("model", "release", "main", "--experiment", "lower", at=ben.path)
        assert done.code == 3
        assert "the tag model@v1.0.0 here is not that of origin" in done.err


STEPS = ("data", "push", "branch", "tag", "log")


@pytest.mark.parametrize("at", [f"{step}:{when}" for step in STEPS for when in ("before", "after")])
def test_killed_at_any_step_the_same_again_finishes(team: Team, at: str) -> None:
    killed = team.ada.run(sys.executable, "-m", "gitml", "model", "release", "lower", GITML_CRASH_AT=at)
    assert killed.code == -9, killed
    refs = team.refs()
    assert (V1 in refs) == (TAG1 in refs) == (STEPS.index(at.partition(":")[0]) + at.endswith("after") > 1)
    again = team.ada.run(sys.executable, "-m", "gitml", "model", "release", "lower")
    assert again.code == 0, again
    after = team.refs()
    assert after.keys() == {"refs/heads/main", V1, TAG1}
    assert {ref: oid for ref, oid in refs.items() if after.get(ref) != oid} == {}
    assert (team.ada.git("rev-parse", V1), team.ada.git("rev-parse", TAG1)) == (after[V1], after[TAG1])
    assert team.is_sound() and team.ada.is_sound()
    moves = [move.ref for operation in oplog.read(team.ada.path) for move in operation.moves]
    assert moves.count(V1) <= 1


def test_a_repository_that_was_never_judged_before(team: Team, gitml: Gitml) -> None:
    """A report that is finished later, on the branch, is what is released."""
    team.ada.git("switch", "--quiet", "main")
    assert gitml("exp", "run", "-n", "late", "-S", "lr=2e-3", at=team.ada.path).code == 0
    assert gitml("model", "release", at=team.ada.path).code == 1
    finish_report(team.ada, "late")
    team.ada.git("commit", "--quiet", "--all", "-m", "experiment: conclusions")
    assert gitml("model", "release", at=team.ada.path).code == 0


class TestRepackage:
    """The same model with other files around it."""

    @pytest.fixture
    def fixed(self, team: Team, gitml: Gitml) -> Team:
        """A release, and a branch on which what reads the data was mended, without a run."""
        assert gitml("model", "release", "lower", at=team.ada.path).code == 0
        team.ada.git("switch", "--quiet", "-c", "infra/fix", "experiments/lower")
        team.ada.change("stages/data.sh", "mkdir", "# mended\nmkdir")
        team.ada.commit("infra: a fix of what is around it")
        return team

    def test_without_the_flag_it_is_stale(self, fixed: Team, gitml: Gitml) -> None:
        done = gitml("model", "release", "infra/fix", "--experiment", "lower", at=fixed.ada.path)
        assert (done.code, "(lock-stale)" in done.err) == (1, True)

    def test_it_has_the_model_of_the_release(self, fixed: Team, gitml: Gitml) -> None:
        words = ("model", "release", "infra/fix", "--experiment", "lower", "--repackage")
        done = gitml(*words, at=fixed.ada.path)
        assert done.code == 0, done.err
        assert "its model is that of model-v1, unchanged" in done.out
        found = said(fixed, "model-v2")
        assert str(found.repackaged) == "model-v1"
        assert found.model == said(fixed).model
        assert "Repackages: model-v1" in fixed.server.message("models/model-v2")
        for version in ("v1", "v2"):
            for flags in ((), ("--merge",)):
                done = gitml("model", "promote", version, *flags, at=fixed.ada.path)
                assert done.code == 0, done.err
        assert gitml("model", "trace", "v2", at=fixed.ada.path).code == 0

    def test_another_model_is_none(self, fixed: Team, gitml: Gitml) -> None:
        words = ("model", "release", "higher", "--repackage")
        done = gitml(*words, at=fixed.ada.path)
        assert (done.code, "no release has the model of" in done.err) == (2, True)

    def test_nobody_can_say_so_who_has_another_model(self, fixed: Team, gitml: Gitml) -> None:
        """A stale lock does not pass the server by a word in provenance.json."""
        gitml("model", "release", "infra/fix", "--experiment", "lower", "--repackage", at=fixed.ada.path)
        ada = fixed.ada
        ada.git("switch", "--quiet", "-c", "infra/lie", "experiments/higher")
        ada.change("stages/data.sh", "mkdir", "# changed\nmkdir")
        parent = ada.commit("infra: never run")
        told = said(fixed)._replace(
            commit=ada.git("rev-parse", parent),
            metrics={"roc_auc": 0.709},
            params={**said(fixed).params, "train.lr": 9e-3},
            lock={"dvc.lock": hashlib.sha256((ada.path / "dvc.lock").read_bytes()).hexdigest()},
            repackaged=said(fixed).version,
            version=ModelVersion("model", 3),
        )
        ada.commit("model: release model-v3", **{"provenance.json": provenance.render(told).decode()})
        pushed = ada.run("git", "push", "origin", "HEAD:refs/heads/models/model-v3")
        assert pushed.code == 1
        words = " ".join(pushed.err.replace("remote:", "").split())
        assert "It says that its model is that of model-v1, and pipeline, lock or figures are others." in words
        assert "lock-stale" in words

    def test_figures_that_no_run_made(self, fixed: Team, gitml: Gitml) -> None:
        """The lock is the release's, and another file says to be the metrics."""
        ada = fixed.ada
        text = (ada.path / "dvc.yaml").read_text()
        kept = text.replace("    metrics:\n    - results/train/metrics.json:\n        cache: false\n", "")
        assert kept != text
        odd = kept.replace("stages:\n", "stages:\n  zz:\n    cmd: 'true'\n    metrics: [zz.json: {cache: false}]\n")
        ada.commit("infra: better", **{"dvc.yaml": odd, "zz.json": '{"roc_auc": 0.99}'})
        words = ("model", "release", "infra/fix", "--experiment", "lower", "--repackage")
        done = gitml(*words, at=ada.path)
        assert (done.code, "no release has the model of" in done.err) == (2, True)

    def test_none_vouches_for_itself(self, fixed: Team, gitml: Gitml) -> None:
        ada = fixed.ada
        ada.git("switch", "--quiet", "-c", "infra/itself", "experiments/higher")
        ada.change("stages/data.sh", "mkdir", "# changed\nmkdir")
        parent = ada.git("rev-parse", ada.commit("infra: never run"))
        own = ModelVersion("model", 3)
        told = said(fixed)._replace(
            commit=parent,
            metrics={"roc_auc": 0.709},
            params={**said(fixed).params, "train.lr": 9e-3},
            lock={"dvc.lock": hashlib.sha256((ada.path / "dvc.lock").read_bytes()).hexdigest()},
            version=own,
            repackaged=own,
        )
        ada.commit("model: release model-v3", **{"provenance.json": provenance.render(told).decode()})
        pushed = ada.run("git", "push", "origin", "HEAD:refs/heads/models/model-v3")
        assert (pushed.code, "lock-stale" in pushed.err, "provenance" in pushed.err) == (1, True, True)


def test_one_commit_is_one_release(team: Team, gitml: Gitml) -> None:
    """Under another name, or of another model, it would be promoted after it was withdrawn."""
    assert gitml("model", "release", "lower", at=team.ada.path).code == 0
    for branch in ("models/churn-v1", "models/model-v9"):
        pushed = team.ada.run("git", "push", "origin", f"models/model-v1:refs/heads/{branch}")
        assert (pushed.code, "It says that it is another release than" in pushed.err) == (1, True)
