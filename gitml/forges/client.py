"""Questions to a forge's API: asked again where that is safe, understood strictly, and nothing secret in an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from random import uniform
from time import sleep, time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlencode, urljoin

from gitml.conventions.shell import printable
from gitml.forges import answer
from gitml.forges.http import Raw, Unanswered, origin
from gitml.forges.problems import (
    WAYS_IN,
    ForgeSaysNo,
    ForgeUnreachable,
    NotAllowed,
    NotKnownIfDone,
    OddAnswer,
    RateLimited,
)
from gitml.pipeline import strict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.forges.answer import Table
    from gitml.forges.remote import Place

Made = TypeVar("Made")

Send = Callable[[str, str, "bytes | None"], Raw]
"""Asks once: method, whole URL, body. Raises `Unanswered`."""

TRIES = 4
FIRST_PAUSE = 0.5
"""Seconds before the second try; each further pause is twice as long, and a random half of it is left out."""

LONGEST_PAUSE = 60.0
"""Seconds that are waited for a rate limit; what takes longer is an error that says until when."""

MOST_PAGES = 200
MOST_REDIRECTS = 5
MOST_SAID = 500
"""Letters of a forge's own words that an error shows."""

_BUSY = (502, 503, 504)
_WORDS = ("message", "error", "error_description", "errors", "detail", "validation")
"""Fields in which a forge, or what stands before it, says why."""
_LINKS = re.compile(r"<([!-;=?-~]*)>([^<]*)")
_MOVED = (301, 302, 307, 308)


class Refused(NamedTuple):
    """A status that is no success, and the forge's words."""

    status: int
    said: str


class Client:
    """The API of one forge.

    Parameters
    ----------
    place
        Where it is.
    send
        What asks once.
    redacted
        Takes secrets out of a text.
    """

    def __init__(self, place: Place, send: Send, redacted: Callable[[str], str]) -> None:
        self.place = place
        self._send = send
        self._redacted = redacted

    def get(self, path: str, **query: str) -> Table:
        """Return what is there."""
        return self._table(self._ask("GET", self._url(path, query)))

    def post(self, path: str, body: Table) -> Table:
        """Make something, and return it; raises `NotKnownIfDone` where nobody knows whether it was made."""
        return self._table(self._ask("POST", self._url(path), body))

    def put(self, path: str, body: Table) -> Table:
        """Set something as a whole, and return it."""
        return self._table(self._ask("PUT", self._url(path), body))

    def patch(self, path: str, body: Table) -> Table:
        """Change some fields, and return the whole."""
        return self._table(self._ask("PATCH", self._url(path), body))

    def delete(self, path: str) -> None:
        """Take something away."""
        self._ask("DELETE", self._url(path))

    def pages(self, path: str, **query: str) -> Iterator[Table]:
        """Yield the rows of a list, page after page, as the answers' ``Link`` headers lead.

        Of a link only what follows the ``?`` counts: behind a proxy a forge may not know its own address.
        """
        url = self._url(path, query)
        for _ in range(MOST_PAGES):
            raw = self._ask("GET", url)
            yield from self.read(answer.rows, self._value(raw))
            following = _next(raw.headers.get("link", ""))
            if not following:
                return
            url = f"{self._url(path)}?{following}"
        raise OddAnswer(self.place.host, f"a list has more than {MOST_PAGES} pages")

    def read(self, understand: Callable[..., Any], *values: Any) -> Any:
        """Return what a reader of fields makes of an answer.

        Raises
        ------
        OddAnswer
            A field is not what it should be.
        """
        try:
            return understand(*values)
        except answer.WrongField as fault:
            raise OddAnswer(self.place.host, self._shown(str(fault))) from None

    def once(self, create: Callable[[], Made], find: Callable[[], Made | None]) -> Made:
        """Make something that must not be there twice: before a second try it is looked for.

        Raises
        ------
        NotKnownIfDone
            The forge never said whether it was made.
        """
        for attempt in range(TRIES):
            try:
                return create()
            except NotKnownIfDone:
                if attempt == TRIES - 1:
                    raise
                sleep(_pause(attempt))
                found = find()
                if found is not None:
                    return found
        raise AssertionError

    def _url(self, path: str, query: dict[str, str] | None = None) -> str:
        return self.place.api + path + (f"?{urlencode(query)}" if query else "")

    def _ask(self, method: str, url: str, body: Table | None = None) -> Raw:
        content = None if body is None else json.dumps(body).encode()
        for _ in range(MOST_REDIRECTS):
            raw = self._patiently(method, url, content)
            if raw.status not in _MOVED or not raw.headers.get("location"):
                return self._success(method, url, raw)
            url = self._moved(method, url, raw)
        raise OddAnswer(self.place.host, "it redirects without an end")

    def _moved(self, method: str, url: str, raw: Raw) -> str:
        there = urljoin(url, raw.headers["location"])
        if origin(there) != origin(url):
            raise OddAnswer(self.place.host, "it redirects to another host, where the token is not sent")
        if method != "GET" and raw.status in (301, 302):
            raise ForgeSaysNo(
                f"{self.place.path} has moved on {self.place.host}",
                "The forge redirects, and what changes something is not sent after it.",
                ("git remote set-url origin THE-NEW-ADDRESS",),
                raw.status,
                "",
            )
        return there

    def _patiently(self, method: str, url: str, content: bytes | None) -> Raw:
        for attempt in range(TRIES):
            pause = _pause(attempt)
            try:
                raw = self._send(method, url, content)
            except Unanswered as unanswered:
                why = self._shown(str(unanswered))
                if unanswered.is_final:
                    raise ForgeUnreachable(self.place.host, why) from None
                if method == "POST" and unanswered.may_be_done:
                    raise NotKnownIfDone(self.place.host, why) from None
            else:
                limit = _limit(raw)
                if limit is None and raw.status not in _BUSY:
                    return raw
                why = f"It answers {raw.status}."
                if limit is None and method == "POST":
                    raise NotKnownIfDone(self.place.host, why)
                asked = limit if limit is not None else _retry_after(raw)
                if asked is not None and (asked > LONGEST_PAUSE or attempt == TRIES - 1):
                    raise RateLimited(self.place.host, asked, _clock(asked))
                pause = max(pause, asked or 0)
            if attempt < TRIES - 1:
                sleep(pause)
        raise ForgeUnreachable(self.place.host, f"{why} It was asked {TRIES} times.")

    def _success(self, method: str, url: str, raw: Raw) -> Raw:
        if 200 <= raw.status < 300:
            return raw
        raise self._refusal(method, url, Refused(raw.status, self._shown(_said(raw.content))))

    def _refusal(self, method: str, url: str, refused: Refused) -> NotAllowed | ForgeSaysNo:
        status, said = refused
        quoted = f"{self.place.host} says {status}: {said or 'nothing more'}."
        asked = self._shown(f"{method} {url.removeprefix(self.place.api).partition('?')[0]}")
        ways = tuple(line.format(host=self.place.host) for line in WAYS_IN[self.place.kind])
        if status == 401:
            why = f"{quoted} The token is wrong, revoked or out of date."
            return NotAllowed(f"{self.place.host} does not know this token", why, ways, *refused)
        if status == 403:
            why = f"{quoted} The token's account or scopes do not reach so far ({asked}); docs/forges.md has the least."
            return NotAllowed(f"{self.place.host} does not allow that", why, ways, *refused)
        if status == 404:
            why = f"{quoted} It is not there ({asked}), or it is private and hidden from this token."
            return NotAllowed(f"{self.place.path} or what is in it was not found", why, ways, *refused)
        what = f"{self.place.host} refuses {asked}"
        return ForgeSaysNo(what, quoted, ("gitml forge verify",), *refused)

    def _table(self, raw: Raw) -> Table:
        value = self._value(raw)
        found: Table = {} if value is None else self.read(answer.table, value)
        return found

    def _value(self, raw: Raw) -> Any:
        if not raw.content:
            return None
        try:
            return strict.loads(raw.content)
        except strict.NotStrict as fault:
            raise OddAnswer(self.place.host, f"it is no JSON: {self._shown(str(fault))}") from None

    def _shown(self, words: str) -> str:
        return printable(self._redacted(words))[:MOST_SAID]


def _pause(attempt: int) -> float:
    return FIRST_PAUSE * float(2**attempt) * uniform(0.5, 1)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(time() + seconds).strftime("%H:%M:%S")


def _limit(raw: Raw) -> float | None:
    """Return for how many seconds a rate limit holds; None where it is none."""
    is_limit = raw.status == 429 or (
        raw.status == 403
        and (
            raw.headers.get("x-ratelimit-remaining") == "0"
            or "retry-after" in raw.headers
            or b"rate limit" in raw.content[:4096].lower()
        )
    )
    if not is_limit:
        return None
    after = _retry_after(raw)
    if after is not None:
        return after
    for name in ("x-ratelimit-reset", "ratelimit-reset"):
        reset = raw.headers.get(name, "")
        if reset.isdecimal() and len(reset) < 12:
            return max(0.0, int(reset) - time())
    return LONGEST_PAUSE


def _retry_after(raw: Raw) -> float | None:
    told = raw.headers.get("retry-after", "").strip()
    if told.isdecimal() and len(told) < 10:
        return float(told)
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time())
    except (ValueError, TypeError, OverflowError):
        return None


def _next(link: str) -> str:
    """Return the query of the URL that a ``Link`` header calls next; empty for none."""
    for address, relation in _LINKS.findall(link):
        if 'rel="next"' in relation:
            return str(address.partition("?")[2].partition("#")[0])
    return ""


def _said(content: bytes) -> str:
    """Return a forge's own words about what it refuses, in one line."""
    try:
        value = strict.loads(content)
    except strict.NotStrict:
        return ""
    return "; ".join(dict.fromkeys(_words(value)))


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [word for one in value[:20] for word in _words(one)]
    if isinstance(value, dict):
        known = [value[key] for key in _WORDS if key in value]
        return _words(known) if known else [f"{key} {' '.join(_words(one))}" for key, one in list(value.items())[:8]]
    return []
