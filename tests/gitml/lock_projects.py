"""Made-up projects for the check of dvc.lock, each run by the real DVC and committed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

Files = dict[str, str | bytes]

CLASSIC: Files = {
    "params.yaml": "train:\n  lr: 1e-3\n  depth: 010\n  shuffle: yes\n  at: 1:30\n  betas: [0.9, 0.999]\nseed: 7\n",
    "src/prepare.sh": "mkdir -p data/ready && cp raw/a.csv raw/deep/* data/ready/ && echo 3 > data/rows.txt\n",
    "src/train.sh": "echo '{\"auc\": 0.71}' > out/metrics.json && mkdir -p out/plots && echo 1,2 > out/plots/roc.csv"
    " && echo 3,4 > out/plots/pr.csv && cat data/ready/* > model.bin\n",
    "raw/a.csv": "1,2\n",
    "raw/deep/ä.csv": "3,4\r\n5,6\r\n",
    "raw/deep/b.bin": b"\x00\x01\r\n",
    "out/.gitkeep": "",
    "notes.md": "free\n",
    "dvc.yaml": """
stages:
  prepare:
    cmd: sh src/prepare.sh
    deps: [raw, ./src/prepare.sh]
    outs:
      - data/ready
      - data/rows.txt
  train:
    cmd:
      - sh src/train.sh
      - echo done
    deps: [data/ready, data/rows.txt, src/train.sh]
    params: [train, seed, train.betas.0]
    outs: [model.bin]
    metrics:
      - out/metrics.json: {cache: false}
    plots:
      - out/plots: {cache: false, x: a}
  report:
    cmd: cat out/metrics.json > out/report.md
    deps: [out/metrics.json, out/plots]
    params:
      - params.yaml:
    outs:
      - out/report.md: {cache: false, persist: true}
metrics:
  - out/metrics.json
""",
}

TEMPLATED: Files = {
    "params.yaml": "train: {model: net, net: {lr: 0.1}, tree: {depth: 3}}\nflags: [true, false]\n"
    "grid: [{a: 1}, {a: 2}]\nnamed: {x: {n: 1}, y: {n: 2}}\nname: p\nopts: {deep: {lr: 0.1, on: true, off: false},"
    " tags: [a, 'b c'], text: it's}\n",
    "more.yaml": "one: {v: 1}\ntwo: {v: 2}\nthree: {v: 3}\n",
    "conf/local.json": '{"place": {"to": "here"}}',
    "src/x.sh": "true\n",
    "work/p/.gitkeep": "",
    "dvc.yaml": r"""
vars:
  - more.yaml:one,two
  - greeting: hello
    size: 1e-05
stages:
  plain:
    cmd: echo ${train.${no}model} \${HOME} ${ greeting } ${size} ${flags[0]} ${grid[1].a} > plain.txt
    params: [train.net]
    outs: [plain.txt]
  chosen:
    cmd: echo ${train.model} ${one.v} > chosen.txt
    params:
      - train.${train.model}
    deps: [src/x.sh]
    outs:
      - chosen.txt: {cache: false}
  options:
    cmd: echo ${opts} > options.txt
    deps: [src/x.sh]
    outs: [options.txt]
  local:
    vars: [conf/local.json, {other: 5}]
    cmd: echo ${place.to} ${other} > ${place.to}.txt
    deps: [src/x.sh]
    outs: ["${place.to}.txt"]
  there:
    wdir: work/${name}
    cmd: echo 1 > m.json
    deps: [../../src/x.sh]
    metrics: [m.json: {cache: false}]
  words:
    foreach: [a, b, true, 1]
    do:
      cmd: echo ${item} > w-${item}.txt
      outs: ["w-${item}.txt"]
      deps: [src/x.sh]
  flags:
    foreach: ${flags}
    do:
      cmd: echo ${item} > f-${item}.txt
      outs: ["f-${item}.txt"]
      deps: [src/x.sh]
  grid:
    foreach: ${grid}
    do:
      cmd: echo ${item.a} > g-${item.a}.txt
      outs: ["g-${item.a}.txt"]
      deps: [src/x.sh]
  named:
    foreach: ${named}
    do:
      cmd: echo ${key} ${item.n} > n-${key}.txt
      outs: ["n-${key}.txt"]
      deps: [src/x.sh]
  inline:
    foreach: {k1: {v: 1}, k2: {v: "${two.v}"}}
    do:
      cmd: echo ${key} ${item.v} > i-${key}.txt
      outs: ["i-${key}.txt"]
      deps: [src/x.sh]
  matrix:
    matrix:
      flag: ${flags}
      point: ${grid}
      word: [x, true]
    cmd: echo ${item.flag} ${item.point.a} ${item.word} ${key} > m-${key}.txt
    outs: ["m-${key}.txt"]
    deps: [src/x.sh]
""".replace("${train.${no}model}", "${train.model}"),
}

SUBFOLDER: Files = {
    "common.sh": "true\n",
    "params.yaml": "top: 1\n",
    "a/params.yaml": "inner: 2\n",
    "a/dvc.yaml": "stages:\n  s:\n    cmd: sh ../common.sh && echo 1 > m.json\n    deps: [../common.sh]\n"
    "    params: [inner, ../params.yaml: [top]]\n    metrics: [m.json: {cache: false}]\nmetrics: [m.json]\n",
    "b/dvc.yaml": "stages:\n  s:\n    wdir: ..\n    cmd: cat a/m.json > b/copy.json\n    deps: [a/m.json]\n"
    "    params: [top]\n"
    "    outs: [b/copy.json: {cache: false}]\n",
    "b/c/dvc.yaml": "metrics: [../copy.json]\n",
}

PARAMS: Files = {
    "p.yaml": "a: {b: {c: [1, {d: 2}]}, 3: three}\n"
    "nothing: null\nempty: {}\nbig: 1_000\nhex: 0x1F\noct: 0o17\nexp: 1e5\nnan_free: .inf\n<<: {merged: 1}\n",
    "p.json": '{"x": {"y": [1.0, 2e-3, null, true]}, "s": "ä"}',
    "p.toml": '[tool]\nlr = 1e-3\nnames = ["a", "b"]\n[tool.deep]\nx = 0x1f\n',
    "p.py": 'LR = 1e-3\nSHAPE = (1, 2)\nSET = {"a"}\nD: dict = {"k": [1, (2, 3)]}\nF = len("no")\n\n'
    "class Net:\n    depth = 3\n"
    "    def __init__(self):\n        self.width = 8\n        local = 9\n",
    "whole.yaml": "z: 1\ny: {x: [1, 2]}\n",
    "dvc.yaml": "stages:\n  s:\n    cmd: echo 1 > o\n    params:\n"
    "      - p.yaml: [a.b, a.b.c.1.d, a.3, nothing, empty, big, hex, oct, exp, nan_free, merged]\n"
    "      - p.json: [x.y, s]\n      - p.toml: [tool.lr, tool.names, tool.deep]\n"
    "      - p.py: [LR, SHAPE, D, Net, Net.width]\n"
    "      - whole.yaml:\n    outs: [o]\n",
}

ODD: Files = {
    "params.yaml": "a: 1\n",
    "x": "1\n",
    "y": "1\n",
    "dvc.yaml": "stages:\n"
    "  frozen:\n    cmd: echo 1 > f\n    deps: [x]\n    params: [a]\n    frozen: false\n    outs: [f: {cache: false}]\n"
    "  always:\n    cmd: echo 1 > al\n    always_changed: true\n    deps: [y]\n    outs: [al: {cache: false}]\n"
    "  callback:\n    cmd: echo hello\n"
    "  silent:\n    cmd: 'true'\n    deps: [y]\n"
    "  source:\n    cmd: echo 1 > so\n    outs: [so: {cache: false}]\n",
}

FOLDERS: Files = {
    ".dvcignore": "__pycache__\n*.tmp\n/src/skip/\n!keep.tmp\n",
    "src/a.py": "a\n",
    "src/sub/b.py": "b\n",
    "src/sub/.dvcignore.txt": "x\n",
    "src/__pycache__/a.pyc": "junk\n",
    "src/skip/z": "z\n",
    "src/sub/skip/y": "y\n",
    "src/x.tmp": "t\n",
    "src/keep.tmp": "k\n",
    "src/name with spaces é.txt": "s\n",
    "mixed/in_git.txt": "g\n",
    "live/.gitkeep": "",
    "dvc.yaml": """
stages:
  use:
    cmd: mkdir -p res/in && echo 1 > res/1 && echo 2 > res/in/2
    deps: [src/, src/sub]
    outs: [res: {cache: false}]
  put:
    cmd: echo made > mixed/made.txt
    deps: [src/a.py]
    outs: [mixed/made.txt]
  mix:
    cmd: cat mixed/* > mix.txt
    deps: [mixed]
    outs: [mix.txt]
  bulk:
    cmd: mkdir -p bulk && echo 1 > bulk/1 && echo 2 > bulk/2
    deps: [src/a.py]
    outs: [bulk]
  part:
    cmd: cat bulk/1 > part.txt
    deps: [bulk/1]
    outs: [part.txt]
  live:
    cmd: mkdir -p live && echo '{}' > live/metrics.json && printf 'metrics:\\n- metrics.json\\n' > live/dvc.yaml
    deps: [src/a.py]
    outs: [live: {cache: false}]
""",
}

TRACKED: Files = {
    "data.csv": "1\n2\n",
    "images/1.png": "a",
    "images/deep/2.png": "b",
    "dvc.yaml": "stages:\n  s:\n    cmd: cat data.csv images/1.png > o\n    deps: [data.csv, images, images/1.png]\n"
    "    outs: [o]\n",
}

GENERATED: Files = {
    "x": "1\n",
    "dvc.yaml": "stages:\n  make:\n    cmd: 'echo \"a: 1\" > gen.yaml'\n    deps: [x]\n    outs: [gen.yaml]\n"
    "  use:\n    cmd: echo 1 > o\n    params: [gen.yaml: [a]]\n    outs: [o]\n",
}

LINKED: Files = {
    "real/a": "a\n",
    "dvc.yaml": "stages:\n  s:\n    cmd: echo 1 > o\n    deps: [link, linked/a, dir]\n    outs: [o]\n",
    "dir/x": "x\n",
}

FILTERED: Files = {
    ".gitattributes": "*.up filter=upper\n*.lf text eol=crlf\n",
    "a.up": "text\n",
    "dir/b.up": "text\n",
    "win.txt": "one\r\ntwo\r\n",
    "wins/w.txt": "one\r\ntwo\r\n",
    "dvc.yaml": "stages:\n  s:\n    cmd: echo 1 > o.up\n    deps: [a.up, dir, win.txt, wins]\n"
    "    outs: [o.up: {cache: false}]\n",
}

OLD: Files = {
    "crlf.txt": "one\r\ntwo\r\n",
    "dir/crlf.txt": "one\r\ntwo\r\n",
    "dir/bin": b"\x00\r\n",
    "long.txt": b"a" * (2**20 - 1) + b"\r\n" + b"b\r\n",
    "dvc.yaml": "stages:\n  s:\n    cmd: printf '1\\r\\n' > m.csv\n    deps: [crlf.txt, dir, long.txt]\n"
    "    metrics: [m.csv: {cache: false}]\n",
}

ORPHANS: Files = {
    "params.yaml": "words: [a, b]\n",
    "x": "1\n",
    "dvc.yaml": "stages:\n  w:\n    foreach: ${words}\n    do:\n      cmd: echo ${item} > w-${item}\n      deps: [x]\n"
    '      outs: ["w-${item}"]\n  old:\n    cmd: echo 1 > old\n    deps: [x]\n    outs: [old]\n',
}

OUTSIDE: Files = {
    "x": "1\n",
    "dvc.yaml": "vars: [local.yaml]\nstages:\n  s:\n    cmd: cat ${where} > o\n    deps: [x]\n"
    "    outs: [o: {cache: false}]\n",
    "abs/dvc.yaml": "stages:\n  s:\n    cmd: echo 1 > o\n    deps: [HOME/abs.txt]\n    outs: [o: {cache: false}]\n",
    "local.yaml": "where: x\n",
    ".gitignore": "/local.yaml\n",
}

INNER: Files = {
    "x": "1\n",
    "readme": "top\n",
    "dvc.yaml": "stages:\n  s:\n    cmd: echo 1 > o\n    deps: [lib]\n    outs: [o: {cache: false}]\n",
    "lib/a": "a\n",
    "lib/inner/b": "b\n",
    "lib/inner/dvc.yaml": "stages:\n  s:\n    cmd: echo 1 > o\n    deps: [b]\n    outs: [o: {cache: false}]\n",
    "lib/inner/.dvc/config": "",
}

PROJECTS: dict[str, Files] = {
    "classic": CLASSIC,
    "templated": TEMPLATED,
    "subfolder": SUBFOLDER,
    "params": PARAMS,
    "odd": ODD,
    "folders": FOLDERS,
    "tracked": TRACKED,
    "generated": GENERATED,
    "linked": LINKED,
    "filtered": FILTERED,
    "old": OLD,
    "orphans": ORPHANS,
    "outside": OUTSIDE,
    "inner": INNER,
}

_DRIVER = """
import json, os, sys
from dvc.cli import main
from dvc.repo import Repo

os.umask(0o022)
for name, steps in json.loads(sys.argv[1]):
    os.chdir(name)
    for words in steps:
        if main([*words, "-q"]):
            sys.exit(f"dvc {words} failed in {name}")
    os.chdir(sys.argv[2])
"""

_STATUS = """
import json, os, sys
from dvc.repo import Repo

found = {}
for name in json.loads(sys.argv[1]):
    os.chdir(name)
    found[name] = Repo(".").status()
    os.chdir(sys.argv[2])
print(json.dumps(found))
"""


def lay_down(top: Path, name: str) -> None:
    """Write the files of a project, with a git repository and a DVC project around them."""
    folder = top / name
    files = {".dvc/config": "", ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n", **PROJECTS[name]}
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, bytes) else content.replace("HOME", str(top)).encode()
        file.write_bytes(text if name == "outside" or isinstance(content, bytes) else content.encode())
    git(folder, "init", "--quiet")
    if name == "linked":
        (folder / "link").symlink_to("real/a")
        (folder / "linked").symlink_to("real")
        (folder / "dir" / "l").symlink_to("../real/a")
    if name == "filtered":
        git(folder, "config", "filter.upper.clean", "tr a-z A-Z")
        git(folder, "config", "core.autocrlf", "true")
    if name == "outside":
        (top / "abs.txt").write_text("x\n")


def git(folder: Path, *words: str, stdin: bytes | None = None, **environment: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        input=stdin,
        check=True,
        capture_output=True,
        env=_environment(folder, **environment),
    )
    return done.stdout.decode().strip()


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "infra: change")


def tampered(folder: Path, changes: dict[str, bytes | tuple[str, bytes] | None]) -> str:
    """Return the id of HEAD's tree with some files changed or, where None, gone; no other thing is touched.

    Parameters
    ----------
    folder
        A repository.
    changes
        New contents by path; with a mode before them where it is no plain file.
    """
    index = str(folder / ".git" / "tampered")
    git(folder, "read-tree", "HEAD", GIT_INDEX_FILE=index)
    lines = []
    for path, change in changes.items():
        mode, content = change if isinstance(change, tuple) else ("100644", change)
        if content is None:
            lines.append(f"0 {'0' * 40}\t{path}")
        elif mode == "160000":
            lines.append(f"{mode} {content.decode()}\t{path}")
        else:
            lines.append(f"{mode} {git(folder, 'hash-object', '-w', '--stdin', stdin=content)}\t{path}")
    git(folder, "update-index", "-z", "--index-info", stdin="\0".join(lines).encode() + b"\0", GIT_INDEX_FILE=index)
    return git(folder, "write-tree", GIT_INDEX_FILE=index)


def _environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment in which nothing of the machine's own counts; it is needed before any fixture of a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_"))}
    names = {f"GIT_{role}_{what}": "Ada" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    nowhere = {f"DVC_{level}_CONFIG_DIR": str(folder / ".none") for level in ("SYSTEM", "GLOBAL")}
    return {
        **kept,
        **names,
        **nowhere,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / "site"),
        **more,
    }


def dvc(top: Path, steps: dict[str, list[list[str]]]) -> None:
    """Run DVC in several projects, in one process."""
    _python(_DRIVER, json.dumps(list(steps.items())), top)


def status(top: Path, names: list[str]) -> dict[str, dict[str, list[object]]]:
    """Return what `dvc status` says in several projects, in one process."""
    out = _python(_STATUS, json.dumps(names), top)
    return json.loads(out)


def _python(code: str, argument: str, top: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, argument, str(top)],
        cwd=top,
        env=_environment(top),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def make_all(top: Path) -> dict[str, dict[str, list[object]]]:
    """Lay down all projects, run and change them as people do, commit, and return what `dvc status` says of each."""
    for name in PROJECTS:
        lay_down(top, name)
    steps = {name: [["repro", "-P"]] for name in PROJECTS}
    steps["tracked"].insert(0, ["add", "data.csv", "images"])
    steps["inner/lib/inner"] = [["repro"]]
    dvc(top, steps)
    _write(top / "orphans" / "params.yaml", "words: [a]\n")
    _write(top / "orphans" / "dvc.yaml", str(ORPHANS["dvc.yaml"]).partition("  old:")[0])
    _write(top / "odd" / "dvc.yaml", str(ODD["dvc.yaml"]).replace("frozen: false", "frozen: true"))
    _write(top / "odd" / "params.yaml", "a: 2\n")
    _write(top / "odd" / "x", "2\n")
    _write(top / "old" / "dvc.lock", _as_before_dvc_3(top / "old"))
    found = status(top, list(PROJECTS))
    for name in PROJECTS:
        commit(top / name)
    return found


def _write(file: Path, text: str) -> None:
    file.write_bytes(text.encode())


def _as_before_dvc_3(folder: Path) -> str:
    """Return a project's dvc.lock as DVC 2 would have written it: the md5 is that of text with LF."""
    text = (folder / "dvc.lock").read_text().replace("      hash: md5\n", "")
    for path in ("crlf.txt", "long.txt", "m.csv"):
        content = (folder / path).read_bytes()
        # DVC 2 took 1 MiB at a time, so a CRLF across that border stayed.
        blocks = [content[at : at + 2**20].replace(b"\r\n", b"\n") for at in range(0, len(content), 2**20)]
        text = text.replace(_md5(content), _md5(b"".join(blocks)))
    sums = [("bin", b"\x00\r\n"), ("crlf.txt", b"one\ntwo\n")]
    listed = json.dumps([{"md5": _md5(content), "relpath": path} for path, content in sums])
    exact = json.dumps([{"md5": _md5((folder / "dir" / path).read_bytes()), "relpath": path} for path, _ in sums])
    return text.replace(_md5(exact.encode()), _md5(listed.encode()))


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
