"""One question to a forge over HTTP, and one answer."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from ipaddress import ip_address
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from gitml import __version__
from gitml.forges.problems import UnsafeToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.forges.token import Token

SECONDS_OF_SILENCE = 30.0
"""How long a forge may say nothing."""

SECONDS_OF_ANSWER = 120.0
"""How long an answer may take to arrive, however steadily it trickles."""

LARGEST = 16 * 2**20
"""Bytes of an answer that are read."""

_BLOCK = 2**16


class Raw(NamedTuple):
    """What came back.

    Attributes
    ----------
    status
        HTTP's.
    headers
        By lower-case name; of one that stands twice the last.
    content
        Bytes.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


class Unanswered(Exception):
    """No whole answer came back.

    Parameters
    ----------
    why
        In a sentence.
    may_be_done
        Whether the question may have arrived.
    is_final
        Whether asking again is of no use.
    """

    def __init__(self, why: str, *, may_be_done: bool = True, is_final: bool = False) -> None:
        super().__init__(why)
        self.may_be_done = may_be_done
        self.is_final = is_final


class Connection:
    """Asks one forge, and shows it the token.

    Parameters
    ----------
    api
        Address of the API: nothing is sent to another host or port.
    token
        What is shown.
    headers
        What is sent beside it.

    Raises
    ------
    UnsafeToken
        The address is plain HTTP, and not on this machine.
    """

    def __init__(self, api: str, token: Token, headers: Mapping[str, str]) -> None:
        parts = urlsplit(api)
        if parts.scheme != "https" and not is_this_machine(parts.hostname or ""):
            raise UnsafeToken(
                f"the token is not sent to {parts.netloc} over plain HTTP",
                "Everybody on the way could read it.",
                (f"export GITML_FORGE_URL=https://{parts.netloc}",),
            )
        self._origin = origin(api)
        self._token = token
        self._headers = {**headers, "User-Agent": f"gitml/{__version__}"}
        # No handler that follows redirects, and none that makes an exception of a status. No proxy for this machine:
        # plain HTTP through a proxy shows the token to it.
        proxies = urllib.request.ProxyHandler(None if parts.scheme == "https" else {})
        self._opener = urllib.request.OpenerDirector()
        for handler in (proxies, urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()):
            self._opener.add_handler(handler)

    def __call__(self, method: str, url: str, body: bytes | None) -> Raw:
        """Ask once.

        Raises
        ------
        Unanswered
            No whole answer came back.
        """
        if origin(url) != self._origin:
            raise Unanswered(f"It points to {urlsplit(url).netloc}, where the token is not sent.", is_final=True)
        request = urllib.request.Request(url, body, dict(self._headers), method=method)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        request.add_unredirected_header(*self._token.header())
        try:
            with self._opener.open(request, timeout=SECONDS_OF_SILENCE) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Raw(response.status, headers, _content(response, headers))
        except urllib.error.URLError as error:
            raise _unanswered(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise _unanswered(error) from None


def origin(url: str) -> tuple[str, str, int | None]:
    """Return what says to whom a URL leads: scheme, host and port."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", "", None


def is_this_machine(host: str) -> bool:
    """Say whether a host is this machine itself, by its name or its address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _content(response: http.client.HTTPResponse, headers: Mapping[str, str]) -> bytes:
    end = monotonic() + SECONDS_OF_ANSWER
    content = bytearray()
    while block := response.read1(_BLOCK):
        content += block
        if len(content) > LARGEST:
            raise Unanswered(f"Its answer is larger than {LARGEST // 2**20} MiB.", is_final=True)
        if monotonic() > end:
            raise Unanswered(f"Its answer was not complete after {SECONDS_OF_ANSWER:.0f} s.")
    length = headers.get("content-length", "")
    if length.isdecimal() and len(length) < 20 and len(content) < int(length):
        raise Unanswered("Its answer broke off.")
    return bytes(content)


def _unanswered(reason: BaseException | str) -> Unanswered:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unanswered(
            f"Its certificate is not to be trusted ({reason.verify_message}).", may_be_done=False, is_final=True
        )
    if isinstance(reason, socket.gaierror):
        return Unanswered("Its name leads nowhere: no network, or a wrong address.", may_be_done=False)
    if isinstance(reason, ConnectionRefusedError):
        return Unanswered("Nothing listens there.", may_be_done=False)
    if isinstance(reason, TimeoutError):
        return Unanswered(f"It said nothing for {SECONDS_OF_SILENCE:.0f} s.")
    if isinstance(reason, ConnectionError | http.client.HTTPException):
        return Unanswered("The connection broke off.")
    return Unanswered(f"{str(reason).rstrip('.')[:200]}.")
