"""How much there is of something, in words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def files_in_words(count: int) -> str:
    """Return a number of files.

    >>> files_in_words(1), files_in_words(1200)
    ('1 file', '1,200 files')
    """
    return f"{count:,} file{'s' * (count != 1)}"


def bytes_in_words(size: int) -> str:
    """Return a number of bytes with two digits or more, in thousands as disks are sold.

    >>> bytes_in_words(1), bytes_in_words(999_949), bytes_in_words(4_100_000), bytes_in_words(25_000_000_000)
    ('1 byte', '999.9 kB', '4.1 MB', '25.0 GB')
    """
    if size < 1000:
        return f"{size} byte{'s' * (size != 1)}"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:,.1f} TB"


def amount_in_words(count: int, sizes: Iterable[int | None]) -> str:
    """Return a number of files and their bytes, as far as they are known.

    >>> amount_in_words(2, [4_000_000, 100_000]), amount_in_words(2, [1000, None]), amount_in_words(1, [None])
    ('2 files, 4.1 MB', '2 files, at least 1.0 kB', '1 file')
    """
    known = list(sizes)
    total = sum(size for size in known if size is not None)
    if None not in known:
        return f"{files_in_words(count)}, {bytes_in_words(total)}"
    return f"{files_in_words(count)}, at least {bytes_in_words(total)}" if total else files_in_words(count)
