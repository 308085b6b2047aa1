"""What somebody would try to get past pre-receive, on a real bare repository, by real pushes."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gitml.git import history, objects
from gitml.hooks import pre_receive

from .conftest import Done, Registry, Repo, Server, finished_report
from .test_hooks_pre_receive import joined, push, refusal

Gitml = Callable[..., Done]
SECRET = f"token = 'ghp_{'a1B2' * 9}'\n"


def raw(repo: Repo, kind: str, content: str | bytes) -> str:
    """Store the bytes of an object, whatever they say, and return its id."""
    done = repo.run("git", "hash-object", "-t", kind, "-w", "--stdin", "--literally", stdin=content)
    assert done.code == 0, done.err
    return done.out.strip()


def tag(repo: Repo, oid: str, kind: str, name: str = "x") -> str:
    """Store the object of an annotated tag."""
    return raw(repo, "tag", f"object {oid}\ntype {kind}\ntag {name}\ntagger A <a@b.c> 1 +0000\n\nx\n")


def headers(tree: str, *parents: str, more: str = "", message: str = "infra: x") -> str:
    """The text of a commit."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), "author A <a@b.c> 1700000000 +0000"]
    return "\n".join([*lines, "committer A <a@b.c> 1700000000 +0000"]) + f"\n{more}\n{message}\n"


@pytest.fixture
def clone(server: Server) -> Repo:
    return server.clone()


def rules(done: Done) -> str:
    """The rules by which a push was refused."""
    first = next(line for line in refusal(done) if "push refused (" in line)
    return first.partition("(")[2].rstrip(")")


class TestSmuggling:
    """A secret comes in by no ref of any kind."""

    @pytest.fixture
    def secret(self, clone: Repo) -> str:
        clone.git("switch", "--quiet", "--detach")
        clone.write("secret.py", SECRET)
        clone.git("add", "secret.py")
        clone.git("commit", "--quiet", "--no-verify", "-m", "infra: x")
        return clone.git("rev-parse", "HEAD")

    @pytest.mark.parametrize(
        "ref",
        ["tags/x", "notes/commits", "pull/1/head", "changes/01/1/1", "remotes/origin/x", "gitml/x", "replace/x", "x"],
    )
    def test_behind_refs_of_all_kinds(self, clone: Repo, secret: str, ref: str) -> None:
        assert "no-secret" in rules(push(clone, f"{secret}:refs/{ref}"))

    def test_what_a_tag_brought_before_is_judged_for_a_branch_again(self, server: Server, clone: Repo) -> None:
        wrong = clone.commit("wrong")
        assert push(clone, f"{wrong}:refs/tags/x").code == 0
        assert rules(push(clone, f"{wrong}:refs/heads/experiments/x")) == "commit-prefix"

    @pytest.mark.parametrize("depth", [1, 2, 30])
    @pytest.mark.parametrize("what", ["commit", "tree", "blob"])
    def test_behind_tags_of_tags(self, clone: Repo, secret: str, what: str, depth: int) -> None:
        names = {"commit": secret, "tree": f"{secret}^{{tree}}", "blob": f"{secret}:secret.py"}
        oid, kind = clone.git("rev-parse", names[what]), what
        for _ in range(depth):
            oid, kind = tag(clone, oid, kind), "tag"
        assert rules(push(clone, f"{oid}:refs/tags/x")) == "no-secret"

    @pytest.mark.parametrize("what", ["^{tree}", ":secret.py"])
    def test_a_light_tag_of_a_tree_or_a_blob(self, clone: Repo, secret: str, what: str) -> None:
        oid = clone.git("rev-parse", f"{secret}{what}")
        assert rules(push(clone, f"{oid}:refs/tags/x")) == "no-secret"

    @pytest.mark.parametrize("parents", [2, 3, 9])
    def test_only_in_a_merge(self, clone: Repo, secret: str, parents: int) -> None:
        others = [clone.git("commit-tree", "origin/main^{tree}", "-m", f"infra: {one}") for one in range(parents)]
        words = [word for other in others for word in ("-p", other)]
        merge = clone.git("commit-tree", f"{secret}^{{tree}}", *words, "-m", "merge")
        assert rules(push(clone, f"{merge}:refs/heads/experiments/x")) == "no-secret"

    def test_added_and_taken_away_again(self, clone: Repo, secret: str) -> None:
        clone.git("rm", "--quiet", "secret.py")
        clone.git("commit", "--quiet", "-m", "infra: away")
        assert rules(push(clone, "HEAD:refs/heads/experiments/x")) == "no-secret"

    def test_beside_the_way_back(self, server: Server) -> None:
        """What comes back is not judged again, but what comes with it is."""
        registry = Registry(server.clone("registry"))
        ref = "refs/heads/production/production-model"
        opening, one, two = registry.open(), registry.release(1), registry.release(2)
        tip = opening
        for release in (one, two):
            tip = registry.store(f"{release}^{{tree}}", tip)
            assert push(registry.repo, f"{tip}:{ref}").code == 0
        aside = registry.store(registry.tree(**{"secret.py": SECRET}), tip, message="infra: x")
        merge = registry.store(f"{one}^{{tree}}", tip, aside, message="merge")
        assert rules(push(registry.repo, f"{merge}:{ref}")) == "no-secret"
        assert push(registry.repo, f"{registry.store(f'{one}^{{tree}}', tip)}:{ref}").code == 0

    def test_by_an_old_date(self, server: Server, clone: Repo, secret: str) -> None:
        dates = {"GIT_AUTHOR_DATE": "1 +0000", "GIT_COMMITTER_DATE": "1 +0000"}
        clone.run("git", "commit", "--quiet", "--amend", "--no-edit", **dates)
        assert rules(push(clone, "HEAD:refs/heads/experiments/x")) == "no-secret"

    def test_by_a_submodule_or_a_link_nothing_is_read(self, clone: Repo) -> None:
        link = clone.run("git", "hash-object", "-w", "--stdin", stdin="/etc/passwd").out.strip()
        clone.git("update-index", "--add", "--cacheinfo", f"120000,{link},link")
        clone.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
        clone.git("commit", "--quiet", "-m", "infra: x")
        assert push(clone, "HEAD:refs/heads/experiments/x").code == 0


class TestLies:
    """A commit is what git takes it for."""

    def test_a_replaced_commit(self, server: Server, clone: Repo) -> None:
        wrong = clone.commit("wrong")
        wrong = clone.git("rev-parse", wrong)
        right = clone.git("commit-tree", f"{wrong}^{{tree}}", "-p", "origin/main", "-m", "infra: right")
        said = refusal(push(clone, f"{right}:refs/replace/{wrong}"))
        assert said[0] == "gitml: push refused (immutable-model)"
        server.run("git", "fetch", "--quiet", str(clone.path), f"{right}:refs/x", f"{wrong}:refs/y")
        server.git("replace", wrong, right)
        assert rules(push(clone, f"{wrong}:refs/heads/experiments/x")) == "commit-prefix"

    def test_a_second_tree(self, server: Server) -> None:
        registry = Registry(server.clone("registry"))
        opening, one = registry.open(), registry.release(1)
        model = registry.repo.git("rev-parse", f"{one}^{{tree}}")
        evil = registry.tree(a="evil")
        text = headers(evil, opening, more=f"tree {model}\n", message="model: promote")
        commit = raw(registry.repo, "commit", text)
        assert "production-tree" in rules(push(registry.repo, f"{commit}:refs/heads/production/production-model"))

    def test_a_parent_that_git_passes_over(self, clone: Repo) -> None:
        main, tree = clone.git("rev-parse", "main"), clone.git("rev-parse", "main^{tree}")
        commit = raw(clone, "commit", f"tree {tree}\nparent {main}\nparent zz\n\nwrong\n")
        assert clone.git("rev-list", "--parents", "--max-count=1", commit).split() == [commit, main]
        assert rules(push(clone, f"{commit}:refs/heads/experiments/x")) == "commit-prefix"

    @pytest.mark.parametrize("way", ["twice", "further down"])
    def test_a_parent_that_makes_no_merge(self, clone: Repo, way: str) -> None:
        main, tree = clone.git("rev-parse", "main"), clone.git("rev-parse", "main^{tree}")
        twice = headers(tree, main, main, message="wrong")
        later = headers(tree, main, more=f"parent {main}\n", message="wrong")
        commit = raw(clone, "commit", twice if way == "twice" else later)
        assert rules(push(clone, f"{commit}:refs/heads/experiments/x")) == "commit-prefix"

    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"\n\n",
            b"\0infra: x",
            b"wrong\0infra: x",
            b"\r\ninfra: x",
            b" \ninfra: x",
            b"\xef\xbb\xbfinfra: x",
            b"infra\xef\xbc\x9a x",
            "іnfra: x".encode(),
            b"infra:x",
            b"infra: \xe2\x80\x8b",
            b"\xff\xfeinfra: x",
        ],
    )
    def test_a_message_that_only_looks_right(self, clone: Repo, message: bytes) -> None:
        begin = headers(clone.git("rev-parse", "main^{tree}"), message="").removesuffix("\n").encode()
        commit = raw(clone, "commit", begin + message)
        assert rules(push(clone, f"{commit}:refs/heads/experiments/x")) == "commit-prefix"

    @pytest.mark.parametrize("encoding", ["punycode", "idna", "utf-8-sig", "unicode_escape", "rot13", "\0", "nope"])
    def test_an_encoding_that_is_none(self, clone: Repo, encoding: str) -> None:
        tree = clone.git("rev-parse", "main^{tree}")
        text = headers(tree, more=f"encoding {encoding}\n", message="wrong-" + "ab9" * 300_000)
        commit = raw(clone, "commit", text)
        assert "commit-prefix" in rules(push(clone, f"{commit}:refs/heads/experiments/x"))

    def test_no_author_and_no_committer(self, clone: Repo) -> None:
        commit = raw(clone, "commit", f"tree {clone.git('rev-parse', 'main^{tree}')}\n\nwrong\n")
        assert push(clone, f"{commit}:refs/heads/experiments/x").code == 1


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "refs/heads/main",
            "HEAD",
            "Production/production-model",
            "MODELS/model-v1",
            "models/model-v01",
            "models",
            "models/model-v1/x",
            "models/mоdel-v1",
            "models/model-v\u0661",
            "production/production-model2/x",
            "mains",
        ],
    )
    def test_one_that_looks_like_another(self, clone: Repo, name: str) -> None:
        assert rules(push(clone, f"HEAD:refs/heads/{name}")) == "branch-name"

    @pytest.mark.parametrize("name", ["main", "models/model-v1", "production/production-model", "experiments/x"])
    def test_a_tag_that_git_would_take_for_a_branch(self, clone: Repo, name: str) -> None:
        assert rules(push(clone, f"HEAD:refs/tags/{name}")) == "branch-name"

    def test_the_object_of_another_tag(self, server: Server) -> None:
        registry = Registry(server.clone("registry"))
        one = registry.release(1)
        registry.repo.git("tag", "-a", "-m", "x", "model#staging#1", one)
        done = push(registry.repo, "refs/tags/model#staging#1:refs/tags/model#archive#1")
        assert "It is the object of another tag" in joined(done)


class TestManyAtOnce:
    def test_a_release_its_tag_its_promotion_and_production(self, server: Server) -> None:
        registry = Registry(server.clone("registry"))
        repo = registry.repo
        opening = registry.open()
        registry.release(1)
        two = registry.of_an_experiment({"reports__lr__README.md": finished_report(), "model": "2"}, number=2)
        repo.git("tag", "-a", "-m", "x", "model@v2.0.0", two)
        promotion = registry.promotion(two, 2, opening)
        updates = [f"{two}:refs/heads/models/model-v2", "refs/tags/model@v2.0.0"]
        assert push(repo, "--atomic", *updates, f"{promotion}:refs/heads/promote/model-v2").code == 0
        assert push(repo, f"{promotion}:refs/heads/production/production-model").code == 0
        assert server.tip("production/production-model") == promotion

    def test_the_same_ref_twice(self, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
        line = f"{'0' * 40} {'1' * 40} refs/heads/experiments/x\n"
        assert not pre_receive.run((line * 2).encode())
        assert capsys.readouterr().err == "gitml: push refused: refs/heads/experiments/x is in it twice\n"

    def test_the_branch_of_the_rules_is_not_deleted(self, server: Server, clone: Repo) -> None:
        server.git("symbolic-ref", "HEAD", "refs/heads/master")
        assert rules(push(clone, ":main")) == "config"

    def test_a_release_without_files(self, server: Server) -> None:
        registry = Registry(server.clone("registry"))
        commit = registry.store(registry.EMPTY, registry.repo.git("rev-parse", "main"))
        assert rules(push(registry.repo, f"{commit}:refs/heads/models/model-v1")) == "provenance, report-complete"


class TestGitmlToml:
    @pytest.mark.parametrize(
        ("way", "says"),
        [("folder", "it is a folder"), ("link", "it is a symbolic link"), ("large", "larger than 1048576 bytes")],
    )
    def test_it_is_a_file(self, clone: Repo, way: str, says: str) -> None:
        if way == "folder":
            clone.write("gitml.toml/x", "1")
        elif way == "link":
            (clone.path / "gitml.toml").symlink_to("#x")
        else:
            clone.write("gitml.toml", "#" * (2**20 + 1))
        clone.commit("infra: x")
        assert f"gitml.toml: {says}" in joined(push(clone, "HEAD:main"))

    def test_a_setting_that_names_no_branch(self, server: Server, clone: Repo) -> None:
        server.git("config", "gitml.main", "nope")
        clone.commit("wrong")
        assert rules(push(clone, "HEAD:main")) == "commit-prefix"


class TestBounds:
    def test_a_folder_that_is_in_itself(self, clone: Repo) -> None:
        blob = clone.run("git", "hash-object", "-w", "--stdin", stdin="x").out.strip()
        oid, mode = blob, b"100644"
        for _ in range(9):
            entries = b"".join(
                b"%s %d\0" % (b"40000" if mode != b"100644" else mode, n) + bytes.fromhex(oid) for n in range(9)
            )
            oid, mode = raw(clone, "tree", entries), b"40000"
        commit = raw(clone, "commit", headers(oid))
        for ref in ("refs/heads/experiments/x", "refs/tags/x"):  # at the tip, and where no tip is listed
            assert "files, and they are all looked at" in joined(push(clone, f"{commit}:{ref}"))

    def test_more_files_than_anybody_meant(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        repo.commit("infra: x", a="1", b="2", c="3")
        oid = repo.git("rev-parse", "HEAD")
        monkeypatch.setattr(history, "MOST_FILES", 2)
        monkeypatch.setattr(objects, "MOST_FILES", 2)
        with objects.Objects(repo.path) as read, pytest.raises(objects.TooManyFiles):
            list(history.History(read, repo.path).brings([oid]))
        with pytest.raises(objects.TooManyFiles):
            objects.list_tree(oid, repo.path)

    def test_two_hundred_refs(self, server: Server, clone: Repo) -> None:
        assert push(clone, *(f"HEAD:refs/heads/experiments/x{n}" for n in range(200))).code == 0


class TestSurroundings:
    def test_a_variable_of_whoever_pushes(self, server: Server, clone: Repo) -> None:
        clone.commit("wrong")
        told = {"GITML_HOOK": f"pre-receive {server.path} ", "GITML_DEBUG": "1", "PYTHONPATH": "/nowhere"}
        told |= {"PYTHONHOME": "/nowhere", "GL_REPO": "x", "GL_USER": "x", "LC_ALL": "C"}
        done = clone.run("git", "push", "--no-verify", "origin", "HEAD:main", **told)
        assert rules(done) == "commit-prefix"

    def test_push_options(self, server: Server, clone: Repo) -> None:
        server.git("config", "receive.advertisePushOptions", "true")
        clone.commit("wrong")
        done = clone.run("git", "push", "-o", "gitml.skip", "-o", "$(touch x)\n", "origin", "HEAD:main")
        assert done.code != 0
        done = clone.run("git", "push", "-o", "gitml.skip", "-o", "$(touch x)", "origin", "HEAD:main")
        assert rules(done) == "commit-prefix"

    @pytest.mark.parametrize("setting", ["receive.denyNonFastForwards", "receive.fsckObjects", "transfer.fsckObjects"])
    def test_settings_of_the_server(self, server: Server, clone: Repo, setting: str) -> None:
        server.git("config", setting, "true")
        clone.commit("infra: x", a="1")
        assert push(clone, "HEAD:refs/heads/experiments/x").code == 0
        clone.commit("wrong")
        assert rules(push(clone, "HEAD:refs/heads/experiments/x")) == "commit-prefix"

    def test_a_push_from_a_shallow_clone(self, server: Server, clone: Repo) -> None:
        clone.commit("infra: one", a="1")
        push(clone, "HEAD:main")
        server.run("git", "clone", "--quiet", "--depth=1", f"file://{server.path}", "../shallow")
        shallow = Repo(server.path.parent / "shallow")
        shallow.commit("infra: two", a="2")
        assert push(shallow, "HEAD:main").code == 0
        shallow.commit("wrong")
        assert rules(push(shallow, "HEAD:main")) == "commit-prefix"

    @pytest.mark.parametrize("version", ["0", "1", "2"])
    def test_protocols(self, server: Server, clone: Repo, version: str) -> None:
        clone.commit("wrong")
        words = ("git", "-c", f"protocol.version={version}", "push", f"file://{server.path}", "HEAD:main")
        assert rules(clone.run(*words)) == "commit-prefix"

    def test_a_server_that_borrows_its_objects(self, server: Server, gitml: Gitml) -> None:
        server.run("git", "clone", "--quiet", "--bare", "--shared", str(server.path), "../borrows.git")
        gitml("hooks", "install", "--server", at=server.path.parent / "borrows.git")
        server.run("git", "clone", "--quiet", str(server.path.parent / "borrows.git"), "../of-it")
        repo = Repo(server.path.parent / "of-it")
        repo.commit("infra: x", a="1")
        assert push(repo, "HEAD:main").code == 0
        repo.commit("wrong")
        assert rules(push(repo, "HEAD:main")) == "commit-prefix"


class TestInstallation:
    def test_in_a_path_with_spaces_and_quotes(self, server: Server, gitml: Gitml) -> None:
        odd = server.path.parent / "a b'c\"$(x).git"
        server.path.rename(odd)
        assert gitml("hooks", "install", "--server", at=odd).code == 0
        repo = Repo(odd.parent / "of odd")
        Repo(odd.parent).git("clone", "--quiet", str(odd), "of odd")
        repo.commit("wrong")
        assert rules(push(repo, "HEAD:main")) == "commit-prefix"

    def test_under_core_hooks_path(self, server: Server, gitml: Gitml) -> None:
        assert gitml("hooks", "uninstall", at=server.path).code == 0
        server.git("config", "core.hooksPath", "my hooks")
        assert gitml("hooks", "install", "--server", at=server.path).code == 0
        repo = server.clone()
        repo.commit("wrong")
        assert rules(push(repo, "HEAD:main")) == "commit-prefix"
        assert gitml("hooks", "uninstall", at=server.path).code == 0
        assert not (server.path / "my hooks").exists()

    def test_beside_one_that_was_there_twice_and_out_again(self, server: Server, gitml: Gitml) -> None:
        script = server.path / "hooks/pre-receive"
        script.write_bytes(b"#!/bin/sh\ncat >/dev/null # \xff\n")
        script.chmod(0o751)
        before = {path.name: (path.read_bytes(), path.stat().st_mode) for path in (server.path / "hooks").iterdir()}
        for _ in range(2):
            assert gitml("hooks", "install", "--server", at=server.path).code == 0
        repo = server.clone()
        repo.commit("wrong")
        assert rules(push(repo, "HEAD:main")) == "commit-prefix"
        assert gitml("hooks", "uninstall", at=server.path).code == 0
        after = {path.name: (path.read_bytes(), path.stat().st_mode) for path in (server.path / "hooks").iterdir()}
        assert after == before

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_where_nobody_may_write(self, server: Server, gitml: Gitml) -> None:
        gitml("hooks", "uninstall", at=server.path)
        (server.path / "hooks").chmod(0o555)
        assert gitml("hooks", "install", "--server", at=server.path).code == 3
