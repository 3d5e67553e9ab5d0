"""A question for the rest of a file → a server's answer: over http and https only, redirects included.

A server cannot make us read a file of this host, and nothing it says is believed before it fits the question.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import IO, Any, Iterator, Optional, Tuple

from aivp_sdk import Permanent, ProviderError, Temporary

_HEADERS = {"User-Agent": "aivp", "Accept-Encoding": "identity", "Accept": "*/*"}
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Wanted:
    """What to fetch: `algorithm` is sha256 or sha512, `digest` in hexadecimal. size: where it is known beforehand."""

    url: str
    algorithm: str
    digest: str
    size: Optional[int] = None

    @property
    def name(self) -> str:
        """The name of the file that holds it."""
        return f"{self.algorithm}-{self.digest}"

    @property
    def shown(self) -> str:
        """The address for people: no password of it, and no query, which may be one."""
        return shown(self.url)


@dataclass(frozen=True)
class Part:
    """An answer: where its bytes begin, how many the whole has, and what tells this version of it apart."""

    body: IO[bytes]
    start: int
    total: Optional[int]
    validator: str


class Broken(Exception):
    """The connection ended early; what has come is good, and the rest may follow."""


class Another(Exception):
    """What is there is no part of what the server has now: begin again."""


@contextlib.contextmanager
def asked(wanted: Wanted, have: int, validator: str, timeout: float) -> Iterator[Part]:
    """The server's answer to a question for everything from byte `have` on.

    validator: of which version we have the beginning. Raises Broken, Another or ProviderError.
    """
    headers = dict(_HEADERS)
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    try:
        question = urllib.request.Request(wanted.url, headers=headers)  # noqa: S310  # the opener knows http alone
        answer = _opener().open(question, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(wanted, error) from None
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.URLError) and isinstance(error.reason, ProviderError):
            raise error.reason from None
        if have or isinstance(error, (ConnectionResetError, http.client.RemoteDisconnected)):
            raise Broken(reason(error)) from None
        raise Temporary(f"{wanted.shown} cannot be reached: {reason(error)}", path="/source/url") from None
    with answer:
        start, total = _extent(answer.status, answer.headers, wanted, have)
        yield Part(answer, start, total, _validator(answer.headers))


def _extent(status: int, headers: Any, wanted: Wanted, have: int) -> Tuple[int, Optional[int]]:
    """Where an answer begins, and how many bytes the whole has."""
    length = headers.get("Content-Length")
    if length is not None and not re.fullmatch(r"[0-9]{1,18}", length):
        raise Permanent(f"{wanted.shown} announces no number of bytes", path="/source/url")
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        why = f"{wanted.shown} comes packed although nobody asked for that"
        raise Permanent(why, path="/source/url")
    if status == 206 and have:
        match = _RANGE.fullmatch(headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            raise Another
        return have, None if match[3] == "*" else int(match[3])
    if status != 200:
        raise Permanent(f"{wanted.shown} answers with status {status}", path="/source/url")
    return 0, None if length is None else int(length)


def _refusal(wanted: Wanted, error: urllib.error.HTTPError) -> Exception:
    if error.code == 416:
        return Another()
    why = f"{wanted.shown} answers with status {error.code}"
    if 300 <= error.code < 400:
        return Permanent(f"{why}: it leads on to where nobody follows, or without end", path="/source/url")
    if error.code in _PASSING:
        return Temporary(why, path="/source/url")
    return Permanent(why, path="/source/url", mend="Open the address by hand.")


def _validator(headers: Any) -> str:
    """What tells this version apart: a strong tag, or else the time of its last change."""
    tag = headers.get("ETag") or ""
    if tag and not tag.startswith("W/"):
        return str(tag)
    return str(headers.get("Last-Modified") or "")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Ten at most, to http and https only, and never from https to http."""

    max_redirections = 10

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        before, after = (urllib.parse.urlsplit(url).scheme.lower() for url in (req.full_url, newurl))
        if after not in ("http", "https") or (before == "https" and after == "http"):
            why = f"{shown(req.full_url)} leads on to {after}:, where nobody follows"
            raise urllib.error.URLError(Permanent(why, path="/source/url"))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Knows http and https, the proxies of the environment, and nothing else: no file:, no ftp:, no data:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
        _Redirects,
    ):
        opener.add_handler(handler())
    return opener


def reason(error: BaseException) -> str:
    """What went wrong, in a few words."""
    found = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return str(getattr(found, "strerror", None) or found)[:200] or type(error).__name__


def shown(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"[:500]
