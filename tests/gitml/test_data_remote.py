"""What a remote lacks: one that is a folder is looked into without DVC, every other one is asked through it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gitml.errors import BrokenEnvironment
from gitml.pipeline import dvc, inside_dvc
from gitml.pipeline.dvc import DvcFailed, RemoteUnreachable
from gitml.pipeline.remote import TransferFailed, lacking, objects_of, plan_fetch, plan_push
from gitml.pipeline.remote import fetch as fetch_plan
from gitml.pipeline.remote import push as push_plan
from gitml.pipeline.storage import DataObject, NoRemote, Storage

from .conftest import ROOT, Repo
from .dvc_store import CONFIG, DataRepo, keep, keep_folder, md5_of, objects_in
from .yardstick import cost


@pytest.fixture
def data(repo: Repo) -> DataRepo:
    made = DataRepo(repo.path).init()
    made.track("raw", {"a": "1", "b c": "22", "ü": "333"})
    made.track("big", "4444")
    made.commit("data: all")
    return made


def paths(objects: list[DataObject]) -> list[str]:
    return [each.path for each in objects]


def at_url(data: DataRepo, url: str, more: str = "") -> DataRepo:
    data.init(CONFIG.replace("../../remote", url) + more)
    return data


class TestAFolder:
    @pytest.mark.parametrize("url", ["../../remote", "{}", "file://{}", '"{}"  # the disk in the cellar'])
    def test_what_is_not_in_it_is_lacking(self, data: DataRepo, url: str) -> None:
        at_url(data, url.format(data.remote))
        assert lacking("HEAD", data.path) == data_sized(data)
        keep(data.remote / "files/md5", "22")
        keep(data.remote / "files/md5", "4444")
        assert paths(lacking("HEAD", data.path)) == ["raw", "raw/a", "raw/ü"]

    def test_the_nearest_configuration_counts(self, data: DataRepo, home: Path) -> None:
        (home / "GLOBAL_CONFIG").mkdir()
        (home / "GLOBAL_CONFIG" / "config").write_text("['remote \"storage\"']\nurl = /nowhere\n[core]\nremote=x\n")
        assert Storage(data.path).settings("").default_remote == "storage"
        assert Storage(data.path).settings("").folder("storage") == data.remote
        data.write(".dvc/config.local", "['remote \"storage\"']\n    url = ../nearer\n")
        assert Storage(data.path).settings("").folder("STORAGE") == data.path / "nearer"

    def test_from_a_subfolder(self, data: DataRepo) -> None:
        data.write("sub/x", "")
        assert len(lacking("HEAD", data.path / "sub")) == 5

    def test_one_that_may_not_be_read_is_no_answer(self, data: DataRepo) -> None:
        (data.path / ".dvc/config").write_text(CONFIG.replace("../../remote", f"../../{'x' * 300}"))
        with pytest.raises(RemoteUnreachable) as caught:
            lacking("HEAD", data.path)
        assert caught.value.what == "the DVC remote storage cannot be used"
        assert caught.value.why.startswith("File name too long (")

    def test_a_remote_of_its_own(self, data: DataRepo) -> None:
        data.init(f"{CONFIG}['remote \"second\"']\n    url = ../../second\n")
        data.track("own", "5", "  remote: Second\n")
        data.commit("data: own")
        keep(data.remote / "files/md5", "5")
        assert paths(lacking("HEAD", data.path))[:1] == ["big"]
        assert "own" in paths(lacking("HEAD", data.path))
        assert paths(lacking("HEAD", data.path, "storage")) == paths(lacking("HEAD~1", data.path))
        assert "own" in paths(lacking("HEAD", data.path, "second"))

    def test_ten_thousand_objects_take_a_tenth_of_a_second(self, data: DataRepo) -> None:
        data.track("many", {})
        store = data.cache / "files/md5"
        md5 = keep_folder(store, {f"{number % 100}/{number}": f"{number} of many" for number in range(10_000)})
        data.write("many.dvc", f"outs:\n- md5: {md5}\n  hash: md5\n  path: many\n")
        data.commit("data: many")
        needs = data.needs()
        assert len(needs) == 10_006
        empty = cost(lambda: Storage(data.path).missing(needs))
        assert len(Storage(data.path).missing(needs)) == 10_006
        data.cache.rename(data.remote)
        full = cost(lambda: Storage(data.path).missing(needs))
        assert Storage(data.path).missing(needs) == []
        assert max(empty, full) < 10

    def test_dvc_is_not_imported(self, data: DataRepo) -> None:
        code = (
            "import sys; from gitml.pipeline.remote import lacking; print(len(lacking('HEAD')), 'dvc' in sys.modules)"
        )
        done = data.run(sys.executable, "-c", code, PYTHONPATH=str(ROOT))
        assert done.out == "5 False\n", done.err


def data_sized(data: DataRepo) -> list[DataObject]:
    return [
        DataObject(md5_of("4444"), "big", 4),
        *(each for each in Storage(data.path).measured(data.needs()) if each.path != "big"),
    ]


class TestNoAnswer:
    def test_no_remote(self, data: DataRepo) -> None:
        data.init("")
        with pytest.raises(NoRemote) as caught:
            lacking("HEAD", data.path)
        assert (caught.value.what, caught.value.mend) == (
            "there is no default DVC remote",
            ("dvc remote add -d storage s3://your-bucket/dvc",),
        )

    def test_no_default_one(self, data: DataRepo) -> None:
        data.init(CONFIG.partition("\n[")[0].replace("remote = storage", "") + CONFIG[CONFIG.index("['remote") :])
        with pytest.raises(NoRemote) as caught:
            lacking("HEAD", data.path)
        assert caught.value.mend == ("dvc remote default storage",)

    def test_a_name_that_is_none(self, data: DataRepo) -> None:
        with pytest.raises(NoRemote) as caught:
            lacking("HEAD", data.path, "cellar")
        assert (caught.value.what, caught.value.why) == (
            "there is no DVC remote 'cellar' with a URL",
            "There is storage.",
        )

    def test_no_data_needs_no_remote(self, repo: Repo) -> None:
        DataRepo(repo.path).init("").commit("infra: dvc")
        assert lacking("HEAD", repo.path) == []

    def test_no_project(self, repo: Repo) -> None:
        assert lacking("HEAD", repo.path) == []

    @pytest.mark.parametrize(("url", "extra"), [("s3://bucket/x", "dvc-s3"), ("gs://bucket/x", "dvc-gs")])
    def test_a_part_of_dvc_that_is_not_installed(self, data: DataRepo, url: str, extra: str) -> None:
        at_url(data, url)
        with pytest.raises(RemoteUnreachable) as caught:
            lacking("HEAD", data.path)
        assert (caught.value.why, caught.value.mend) == (
            f"{extra} is not installed.",
            (f"python -m pip install {extra}",),
        )

    def test_nobody_listens(self, data: DataRepo) -> None:
        at_url(data, "http://ada:s3cret@127.0.0.1:9/x")  # pragma: allowlist secret
        with pytest.raises(RemoteUnreachable) as caught:
            lacking("HEAD", data.path)
        assert "Cannot connect to host 127.0.0.1:9" in caught.value.why
        assert "s3cret" not in caught.value.why

    def test_a_url_that_is_none(self, data: DataRepo) -> None:
        at_url(data, "nonsense://x")
        with pytest.raises(BrokenEnvironment):
            lacking("HEAD", data.path)

    def test_a_folder_relative_to_no_working_tree(self, data: DataRepo) -> None:
        data.git("clone", "-q", "--bare", ".", "../bare")
        with pytest.raises(RemoteUnreachable) as caught:
            lacking("HEAD", data.path.parent / "bare")
        assert "is relative to a working tree" in caught.value.why


class Server(ThreadingHTTPServer):
    """A web server that keeps what is PUT, as DVC's http remote expects, and can be out of order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: dict[str, bytes] = {}
        self.status = 0
        self.refuses = ""
        self.answers = threading.Event()
        self.answers.set()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/dvc"

    @property
    def names(self) -> set[str]:
        return {"".join(path.split("/")[-2:]) for path in self.kept}


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(self.server.status or status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        if not self.server.answers.wait(300):
            return
        content = self.server.kept.get(self.path)
        self._answer(404) if content is None else self._answer(200, content)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        content = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.refuses and self.server.refuses in self.path:
            self._answer(507)
            return
        self.server.kept[self.path] = content
        self._answer(200)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def web(data: DataRepo, server: Server) -> DataRepo:
    return at_url(data, server.url, "    method = PUT\n")


class TestAWebServer:
    def test_there_and_back(self, web: DataRepo, server: Server, gitml: Callable[..., object]) -> None:
        store = Storage(web.path)
        plan = plan_push(web.needs(), store)
        assert (len(plan.objects), plan.nowhere, plan.remotes) == (5, (), ("storage",))
        push_plan(plan, store)
        assert server.names == {each.md5 for each in web.needs()}
        assert lacking("HEAD", web.path) == []
        kept = objects_in(web.cache)
        web.cache.rename(web.path.parent / "gone")
        plan = plan_fetch(web.needs(), store)  # the list of raw/ is not here, so it stands for its files
        assert {each.path: each.files for each in plan.objects} == {"big": 1, "raw": 3}
        fetch_plan(plan, store)
        assert objects_in(web.cache) == kept

    def test_some_of_it(self, web: DataRepo, server: Server) -> None:
        md5 = md5_of("22")
        server.kept[f"/dvc/files/md5/{md5[:2]}/{md5[2:]}"] = b"22"
        assert paths(lacking("HEAD", web.path)) == ["big", "raw", "raw/a", "raw/ü"]

    @pytest.mark.parametrize("status", [401, 403, 500])
    def test_one_that_is_out_of_order_or_wants_a_password(self, web: DataRepo, server: Server, status: int) -> None:
        """To DVC itself nothing would be there."""
        server.status = status
        with pytest.raises(RemoteUnreachable) as caught:
            lacking("HEAD", web.path)
        assert str(status) in caught.value.why

    def test_one_that_does_not_answer(self, web: DataRepo, server: Server) -> None:
        server.answers.clear()
        with pytest.raises(RemoteUnreachable) as caught:
            Storage(web.path).missing(web.needs(), timeout=3)
        assert caught.value.why == "It gave no answer within 3 seconds."
        server.answers.set()

    def test_one_file_is_refused(self, web: DataRepo, server: Server) -> None:
        """The rest is there, but the folder's list is not: who sees the list may count on its files."""
        store = Storage(web.path)
        server.refuses = md5_of("22")[2:]
        with pytest.raises(TransferFailed) as caught:
            push_plan(plan_push(web.needs(), store), store)
        assert caught.value.what == "2 files could not be pushed"
        assert caught.value.why.startswith("507, message='Insufficient Storage'")
        assert caught.value.why.endswith(" 3 more are there now.")
        assert server.names == {md5_of("1"), md5_of("333"), md5_of("4444")}
        server.refuses = ""
        plan = plan_push(web.needs(), store)
        assert paths(list(plan.objects)) == ["raw", "raw/b c"]
        push_plan(plan, store)
        assert lacking("HEAD", web.path) == []

    def test_a_damaged_file_is_found_where_that_is_asked_for(self, web: DataRepo, server: Server) -> None:
        at_url(web, server.url, "    method = PUT\n    verify = true\n")
        store = Storage(web.path)
        push_plan(plan_push(web.needs(), store), store)
        md5 = md5_of("22")
        server.kept[f"/dvc/files/md5/{md5[:2]}/{md5[2:]}"] = b"other"
        web.cache.rename(web.path.parent / "gone")
        with pytest.raises(TransferFailed) as caught:
            fetch_plan(plan_fetch(web.needs(), store), store)
        assert (caught.value.what, caught.value.why) == (
            "1 file could not be fetched",
            "The remote has other bytes under its name. 4 more are there now.",
        )
        assert paths(store.absent(web.needs())) == ["raw/b c"]

    def test_without_a_checkout(self, web: DataRepo, server: Server) -> None:
        """DVC works in a borrowed folder, by the commit's own configuration."""
        web.commit("infra: the web")
        store = Storage(web.path)
        push_plan(plan_push(web.needs(), store), store)
        web.git("clone", "-q", "--no-checkout", ".", "../empty")
        empty = DataRepo(web.path.parent / "empty")
        there = Storage(empty.path)
        needs = objects_of(["HEAD"], there, empty.path)
        assert paths(there.absent(needs)) == ["big", "raw"]
        assert lacking("HEAD", empty.path) == []
        fetch_plan(plan_fetch(needs, there), there)
        assert objects_in(empty.cache) == objects_in(web.cache)
        assert sorted(os.listdir(empty.path)) == [".dvc", ".git"]
        assert os.listdir(empty.path / ".dvc") == ["cache"]


def test_a_dvc_that_dies_is_named(data: DataRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text("import os; os._exit(7)")
    monkeypatch.setattr(dvc, "_INSIDE", script)
    with pytest.raises(DvcFailed) as caught:
        dvc.exist(Storage(data.path).settings(""), "storage", [("a", True)])
    assert caught.value.what == "DVC's exist ended early (exit status 7)"


class TestInsideDvc:
    """The part that runs in DVC's own process, called in this one."""

    @pytest.fixture
    def ask(self, data: DataRepo) -> Callable[..., dict[str, Any]]:
        def asked(what: str, names: Sequence[tuple[str, bool]] = (), root: str = str(data.path), **config: Any) -> Any:
            question = {"do": what, "root": root, "remote": "storage", "names": names, "config": config or None}
            return inside_dvc.answer(json.loads(json.dumps(question)))

        return asked

    def test_there_and_back(self, data: DataRepo, ask: Callable[..., dict[str, Any]]) -> None:
        names = [(each.md5, each.is_exact) for each in data.needs()]
        assert ask("exist", names) == {"there": []}
        pushed = ask("push", names)
        assert (sorted(map(tuple, pushed["done"])), pushed["failed"], pushed["why"]) == (sorted(names), [], "")
        assert sorted(ask("exist", names)["there"]) == sorted(names)
        shutil.rmtree(data.cache)
        shutil.rmtree(data.path / "raw")
        lists = [name for name in names if name[0].endswith(".dir")]
        assert sorted(ask("fetch", lists)["done"]) == sorted(name for name in names if name[0] != md5_of("4444"))
        assert ask("checkout") == {"changed": 1}
        assert (data.path / "raw/b c").read_text() == "22"

    def test_in_a_borrowed_folder(self, data: DataRepo, ask: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
        config = {"remote": {"storage": {"url": str(data.remote)}}, "cache": {"dir": str(data.cache)}}
        names = [(each.md5, each.is_exact) for each in data.needs()]
        assert sorted(ask("push", names, root="", **config)["done"]) == sorted(names)

    def test_a_list_whose_files_are_nowhere_is_kept_back(
        self, data: DataRepo, ask: Callable[..., dict[str, Any]]
    ) -> None:
        (data.cache / "files/md5" / md5_of("22")[:2] / md5_of("22")[2:]).unlink()
        names = [(each.md5, each.is_exact) for each in data.needs()]
        done = {name for name, _ in ask("push", names)["done"]}
        assert done == {md5_of("1"), md5_of("333"), md5_of("4444")} == objects_in(data.remote)

    def test_what_goes_wrong(self, data: DataRepo, ask: Callable[..., dict[str, Any]]) -> None:
        names = [(md5_of("1"), True)]
        at_url(data, "s3://bucket")
        assert ask("exist", names) == {"error": "extra", "says": "dvc-s3"}
        at_url(data, "http://127.0.0.1:9/x")
        failure = ask("exist", names)
        assert failure["error"] == "other"
        assert failure["says"].startswith("Cannot connect to host 127.0.0.1:9")
        data.init()
        data.write("raw/a", "mine")
        data.git("rm", "-q", "--cached", "raw.dvc")
        data.track("other", "1")
        keep(data.cache / "files/md5", "x")
        data.write("raw.dvc", f"outs:\n- md5: {md5_of('x')}\n  hash: md5\n  path: raw\n")
        assert ask("checkout") == {"error": "unsaved", "says": f"{data.path}/raw/a"}


ANSWERS = {
    "[]": ("DVC's checkout gave no answer", "DVC said nothing about it."),
    "nothing": ("DVC's checkout ended early (exit status 0)", "DVC said nothing about it."),
    # pragma: allowlist nextline secret
    '{"error": "other", "says": "no s3://a:b@c"}': (
        "DVC could not check out its files",
        "no s3://***@c",
    ),  # pragma: allowlist secret
    '{"error": "no dvc", "says": ""}': (
        "DVC could not be run",
        "gitml leaves data and models to DVC, and it is not installed in gitml's own environment.",
    ),
    '{"error": "busy", "says": ""}': (
        "another DVC is at work in this project",
        "It holds the project's lock until it ends; a killed one may have left it behind.",
    ),
    '{"error": "unsaved", "says": "raw/a"}': (
        "files that were changed here are saved nowhere else",
        "DVC would replace raw/a.",
    ),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_dvc_answers_is_told(data: DataRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str) -> None:
    script = tmp_path / "answers.py"
    script.write_text(f"print({answer!r})")
    monkeypatch.setattr(dvc, "_INSIDE", script)
    with pytest.raises(BrokenEnvironment) as caught:
        dvc.checkout(Storage(data.path).settings(""))
    assert (caught.value.what, caught.value.why) == ANSWERS[answer]


def test_ctrl_c_ends_dvc_as_well(data: DataRepo, tmp_path: Path) -> None:
    """Also one that would not end by itself, and without a word from it."""
    script = tmp_path / "waits.py"
    script.write_text(
        "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    code = (
        "from pathlib import Path; from gitml.pipeline import dvc; from gitml.pipeline.storage import Storage\n"
        f"dvc._INSIDE, dvc.PATIENCE = {str(script)!r}, 0.1\n"
        "try: dvc.exist(Storage(Path('.')).settings(''), 'storage', [])\n"
        "except KeyboardInterrupt: print('interrupted')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=data.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    pid = tmp_path / "pid"
    deadline = time.monotonic() + 120
    while not (pid.is_file() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=120) == (b"interrupted\n", b"")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_no_dvc_beside_gitml(data: DataRepo, tmp_path: Path) -> None:
    """As in an environment where only gitml's own files are."""
    script = f"import sys; sys.path.insert(0, {str(Path(dvc.__file__).parent)!r}); sys.modules['dvc'] = None\n"
    code = f"{script}import inside_dvc; print(inside_dvc.answer({{'root': '.', 'do': 'exist'}}))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "{'error': 'no dvc', 'says': ''}\n", done.stderr
