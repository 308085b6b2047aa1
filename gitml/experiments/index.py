"""The index: what was read of each commit, kept beside the repository. Disposable; it may be deleted at any time."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import NamedTuple
from zlib import crc32

from gitml import __version__
from gitml.experiments.rows import Line, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

NAME = "gitml/index.sqlite"
FORMAT = 2
"""Goes up when what is read of a commit changes."""

READ_PATIENCE, WRITE_PATIENCE = 0.5, 2.0
"""Seconds to wait for another process; then this one goes without."""

SPARE = 1_000
"""Rows of refs that are gone, which are kept; above that, and above the rows in use, they are dropped."""

_SCHEMA = """
CREATE TABLE records (key TEXT PRIMARY KEY, main TEXT, sum INTEGER, commit_id TEXT, leading TEXT, ranked TEXT,
    figure REAL, test_data TEXT, head TEXT, body TEXT, fork TEXT, runs INTEGER, changed TEXT) WITHOUT ROWID;
"""
_COLUMNS = "key, main, sum, commit_id, leading, ranked, figure, test_data, head, body, fork, runs, changed"


class Kept(NamedTuple):
    """What the index has of one tip.

    Attributes
    ----------
    record
        What its commit says.
    main
        The commit of main for which `line` holds.
    line
        How it came from there.
    """

    record: Record
    main: str
    line: Line


def key_of(oid: str, slug: str) -> str:
    """Return by what a row is found: what a ref points to, and whose report is meant."""
    return f"{oid} {slug}"


class Index:
    """The index of one repository. What it cannot do, because of other processes or the disk, it leaves undone.

    Parameters
    ----------
    common_dir
        The folder that all working trees of the repository share.
    """

    def __init__(self, common_dir: Path) -> None:
        self._file = common_dir / NAME
        self.rows = 0

    def read(self, keys: Iterable[str]) -> dict[str, Kept]:
        """Return what is kept, by key; nothing where the index is absent, locked, damaged or of another gitml."""
        wanted = set(keys)
        if not wanted or not self._file.is_file():
            return {}
        found: dict[str, Kept] = {}
        try:
            with closing(self._connect(READ_PATIENCE, "ro")) as connection:
                if not _is_ours(connection):
                    return {}
                self.rows = connection.execute("SELECT count(*) FROM records").fetchone()[0]
                rows: Iterable[Any]
                if 4 * len(wanted) < self.rows:
                    rows = (row for key in wanted for row in _select(connection, "WHERE key = ?", key))
                else:
                    rows = _select(connection, "")
                for row in rows:
                    if row[0] in wanted and row[2] == _sum(row):
                        found[row[0]] = Kept(Record(*row[3:10]), row[1], Line(*row[10:]))
        except (sqlite3.Error, OSError, TypeError, ValueError):
            return {}
        return found

    def write(self, kept: Mapping[str, Kept]) -> None:
        """Keep some rows beside those that are there."""
        rows: list[list[Any]] = [[key, one.main, 0, *one.record, *one.line] for key, one in kept.items()]
        for row in rows:
            row[2] = _sum(row)
        with suppress(sqlite3.Error, OSError):
            self._file.parent.mkdir(exist_ok=True)
            try:
                self._insert(rows)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                    raise
                self._file.unlink()
                self._insert(rows)

    def drop_others(self, keys: Iterable[str]) -> None:
        """Drop the rows that are not among `keys`, where they have become many."""
        wanted = set(keys)
        if self.rows <= 2 * len(wanted) + SPARE:
            return
        with suppress(sqlite3.Error, OSError), closing(self._connect(WRITE_PATIENCE, "rw")) as connection, connection:
            connection.execute("CREATE TEMP TABLE wanted (key TEXT PRIMARY KEY)")
            connection.executemany("INSERT INTO wanted VALUES (?)", [(key,) for key in wanted])
            connection.execute("DELETE FROM records WHERE key NOT IN (SELECT key FROM wanted)")

    def _insert(self, rows: list[list[Any]]) -> None:
        with closing(self._connect(WRITE_PATIENCE, "rwc")) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            if not _is_ours(connection):
                connection.execute("DROP TABLE IF EXISTS records")
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            marks = ", ".join("?" * len(_COLUMNS.split(", ")))
            connection.executemany(f"INSERT OR REPLACE INTO records ({_COLUMNS}) VALUES ({marks})", rows)
            connection.execute("COMMIT")

    def _connect(self, patience: float, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._file.absolute().as_uri()}?mode={mode}", timeout=patience, isolation_level=None, uri=True
        )


_VERSION = crc32(f"{__version__} {FORMAT}".encode()) & 0x7FFFFFFF


def _is_ours(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION)


def _select(connection: sqlite3.Connection, where: str, *values: str) -> Iterable[Any]:
    return connection.execute(f"SELECT {_COLUMNS} FROM records {where}", values)


def _sum(row: Any) -> int:
    """Return a check sum over all columns but itself: a damaged disk must not make figures."""
    return crc32("\0".join(map(str, (*row[:2], *row[3:]))).encode())
