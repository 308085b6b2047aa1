"""One commit's files, as far as they are needed to judge it."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Literal, TypeVar

from gitml.git.attributes import Attributes
from gitml.git.objects import Entry, Objects, blob_id
from gitml.git.patterns import TooManyCrossings
from gitml.pipeline import params, yaml12
from gitml.pipeline.digest import Fingerprint, fingerprint, md5_on_windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

Kind = Literal["file", "folder", "absent", "elsewhere"]
"""``elsewhere``: a symbolic link or submodule, or behind one."""


class Snapshot:
    """The files of one commit.

    Parameters
    ----------
    entries
        Everything below its top.
    objects
        Where the blobs are read.
    """

    def __init__(self, entries: Iterable[Entry], objects: Objects) -> None:
        self.files = {entry.path: entry for entry in entries}
        self._paths = sorted(self.files)
        self._objects = objects
        self._contents: dict[str, bytes | None] = {}
        self._fingerprints: dict[str, Fingerprint] = {}
        self._params: dict[tuple[str, str], Any] = {}
        self._attributes: Attributes | None = None
        self._made: dict[str, Any] = {}

    def changed(self, path: str, content: bytes) -> Snapshot:
        """Return the same files, but for one that is there and has other bytes; git need not know them."""
        old = self.files[path]
        new = Entry(old.mode, blob_id(content, old.oid), path)
        made = Snapshot({**self.files, path: new}.values(), self._objects)
        made._contents = {**self._contents, new.oid: content}
        made._params = dict(self._params)
        return made

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` makes of this commit; it is made once, and kept under a name."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def kind(self, path: str) -> Kind:
        """Return what is at `path`; the empty one is the top."""
        entry = self.files.get(path)
        if entry is not None:
            return "file" if entry.is_file else "elsewhere"
        if not path or self._first_below(path) < len(self._paths):
            return "folder"
        parents = path.split("/")
        if any("/".join(parents[:count]) in self.files for count in range(1, len(parents))):
            return "elsewhere"
        return "absent"

    def below(self, folder: str) -> list[Entry]:
        """Return everything below a folder."""
        if not folder:
            return list(self.files.values())
        prefix = f"{folder}/"
        found = []
        for place in range(bisect_left(self._paths, prefix), len(self._paths)):
            if not self._paths[place].startswith(prefix):
                break
            found.append(self.files[self._paths[place]])
        return found

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None where there is none, or it is too large to be parsed."""
        entry = self.files.get(path)
        if entry is None or not entry.is_file:
            return None
        if entry.oid not in self._contents:
            self._contents[entry.oid] = self._objects.read(entry.oid, yaml12.LARGEST)
        return self._contents[entry.oid]

    def read_ahead(self, paths: Iterable[str]) -> None:
        """Read the files that are going to be asked for, all at once."""
        oids = {self.files[path].oid for path in paths if path in self.files and self.files[path].is_file}
        wanted = [oid for oid in oids if oid not in self._contents]
        self._contents.update(self._objects.read_each(wanted, bytes, yaml12.LARGEST))

    def hash_ahead(self, entries: Iterable[Entry]) -> None:
        """Hash the files that are going to be asked for, all at once."""
        wanted = {entry.oid for entry in entries if entry.is_file and entry.oid not in self._fingerprints}
        self._fingerprints.update(self._objects.read_each(sorted(wanted), fingerprint))

    def fingerprint(self, entry: Entry) -> Fingerprint | None:
        """Return a file's sums; None where it is too large, or missing from the object store."""
        if entry.oid not in self._fingerprints:
            self.hash_ahead([entry])
        return self._fingerprints.get(entry.oid)

    def md5_on_windows(self, entries: Iterable[Entry]) -> dict[str, str]:
        """Return what the files' md5 would be on a Windows machine that changes line ends, by blob."""
        return self._objects.read_each((entry.oid for entry in entries), md5_on_windows)

    def params(self, path: str) -> Any:
        """Return a parameter file's value.

        Raises
        ------
        NotParams
            It cannot be read.
        """
        key = (self.files[path].oid, path.rpartition(".")[2])
        if key not in self._params:
            content = self.read(path)
            if content is None:
                raise params.NotParams("it is too large, or missing from the object store")
            self._params[key] = params.read(path, content)
        return self._params[key]

    def why_not_its_bytes(self, entry: Entry) -> str | None:
        """Say why a file's bytes are not its blob's; None where they are."""
        if not entry.is_file:
            return "a symbolic link" if entry.mode == "120000" else "a submodule"
        if self._attributes is None:
            files = {path: self.read(path) or b"" for path in self._paths if path.endswith(".gitattributes")}
            try:
                self._attributes = Attributes(files)
            except TooManyCrossings:
                return "under a .gitattributes that is not understood"
        return "changed by a git filter" if self._attributes.is_converted(entry.path) else None

    def _first_below(self, folder: str) -> int:
        """Return the place of the first path below a folder; past the end where there is none."""
        prefix = f"{folder}/"
        first = bisect_left(self._paths, prefix)
        return first if first < len(self._paths) and self._paths[first].startswith(prefix) else len(self._paths)
