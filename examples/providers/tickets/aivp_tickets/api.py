"""The HTTP API: requests in, JSON out; what went wrong comes as one of the SDK's errors. Knows no kind."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from aivp_sdk import Permanent, RateLimited, Session, Temporary, attribute

TIMEOUT = 20.0
LONGEST = 4 * 1024 * 1024


@dataclass
class Configuration:
    """What people write under `providers: tickets:`."""

    url: str = attribute(
        "Where the server is.", required=True, pattern="^https?://[^/]+(/.*)?$", examples=["https://t"]
    )
    token: str = attribute("A token of the server, taken from a secret.", required=True, sensitive=True)


class Api:
    """The server that this provider is configured for."""

    def __init__(self, session: Session) -> None:
        self.url = session.configuration.url.rstrip("/")
        self.token = session.configuration.token
        # No redirects, since the token would go where nobody sent it; no proxies of whoever runs us.
        self.opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))

    def get(self, path: str) -> Optional[Any]:
        """What is at `path`, None where nothing is."""
        return self._send("GET", path, None, {})

    def send(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None, key: str = "") -> Optional[Any]:
        """The answer to a change, None where there was nothing to change. With the same `key` it happens once."""
        return self._send(method, path, body, {"Idempotency-Key": key} if key else {})

    def _send(
        self, method: str, path: str, body: Optional[Mapping[str, Any]], headers: Dict[str, str]
    ) -> Optional[Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)  # the schema admits http only
        headers = {**headers, "Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with self.opener.open(request, timeout=TIMEOUT) as answer:
                return json.loads(answer.read(LONGEST) or b"null")
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise _failure(error.code, error.headers.get("Retry-After"), error.read(LONGEST)) from None
        except (OSError, http.client.HTTPException) as error:
            # Perhaps it did what we asked for, and the answer was lost: asked again, it gets the same key.
            raise Temporary(f"{self.url} cannot be reached: {getattr(error, 'reason', None) or error!r}") from None
        except ValueError:
            raise Permanent(f"{self.url}{path} answers with no JSON", mend="Is this the ticket server?") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _failure(status: int, retry_after: Optional[str], body: bytes) -> Exception:
    delay = float(retry_after) if retry_after is not None and retry_after.isdigit() else None
    if status == 429:
        return RateLimited("the server asks for patience", delay=delay)
    if status >= 500:
        return Temporary(f"the server failed with status {status}", delay=delay)
    if status in (401, 403):
        return Permanent("the server does not accept the token", mend="Look at providers: tickets: token.")
    try:
        found = json.loads(body)
        said, field = str(found["error"])[:500], found.get("field")
    except (AttributeError, ValueError, KeyError, TypeError):
        said, field = "nothing more", None
    path = f"/{field}" if isinstance(field, str) else None
    return Permanent(f"the server refuses this (status {status}): {said}", path=path)
