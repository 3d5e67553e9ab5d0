"""A small ticket server, for trying the provider and for its tests: `python3 server.py PORT`, the token on stdin.

All is in memory. Ids are the server's; a POST that comes again with the same Idempotency-Key makes nothing twice.
"""

from __future__ import annotations

import hmac
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TICKET = {"project": "", "title": "", "body": "", "labels": [], "state": "open"}


class Tickets(ThreadingHTTPServer):
    """The server with all that it knows.

    refusals: by method, answers that come next instead of the true ones: (429 or 503, seconds of Retry-After or None),
    or (0, None) for one that acts and then says nothing, as when the link breaks. objection: what it says to every
    change instead of making it. seen: (method, path, status) of every request.
    """

    daemon_threads = True

    def __init__(self, port: int, token: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.token = token
        self.lock = threading.Lock()
        self.number = 0
        self.projects: dict[str, dict[str, Any]] = {}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.answered: dict[str, tuple[int, Any]] = {}
        self.refusals: dict[str, list[tuple[int, int | None]]] = {}
        self.objection = ""
        self.seen: list[tuple[str, str, int]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked is gone; anything else is a bug, and is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_number(self) -> int:
        """A number that was never given."""
        self.number += 1
        return self.number


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Tickets

    def handle_one(self) -> None:
        """Refuse it, or answer it."""
        with self.server.lock:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            waiting = self.server.refusals.get(self.command)
            refusal = waiting.pop(0) if waiting else None
            given = self.headers.get("Authorization", "").encode()
            if not hmac.compare_digest(given, f"Bearer {self.server.token}".encode()):
                status, answer, refusal = 401, {"error": "no such token"}, None
            elif refusal is not None and refusal[0]:
                status, answer = refusal[0], {"error": "not now"}
            else:
                status, answer = self.once(json.loads(body or b"null"))
            self.server.seen.append((self.command, self.path, 0 if refusal == (0, None) else status))
        if refusal == (0, None):
            self.close_connection = True
            return
        data = b"" if status == 204 else json.dumps(answer).encode()
        self.send_response(status)
        if refusal is not None and refusal[1] is not None:
            self.send_header("Retry-After", str(refusal[1]))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

    def once(self, body: Any) -> tuple[int, Any]:
        """The answer; to a POST with a key that was seen before, the one of that time."""
        key = self.headers.get("Idempotency-Key", "")
        if self.command != "POST" or not key:
            return self.answer(body)
        if key not in self.server.answered:
            self.server.answered[key] = self.answer(body)
        return self.server.answered[key]

    def answer(self, body: Any) -> tuple[int, Any]:
        """Status and JSON."""
        things = {"projects": self.server.projects, "tickets": self.server.tickets}
        kind, _, name = self.path.strip("/").partition("/")
        if kind not in things:
            return 404, {"error": "no such path"}
        known = things[kind]
        if self.server.objection and self.command != "GET":
            return 422, {"error": self.server.objection}
        if self.command == "GET":
            return (200, known[name]) if name in known else (200, list(known.values())) if not name else (404, None)
        if self.command == "DELETE":
            return (204, None) if known.pop(name, None) else (404, None)
        if self.command == "PUT" and kind == "projects":
            found = known.setdefault(name, {"name": name, "id": self.server.next_number()})
            found["title"] = body["title"]
            return 200, found
        if kind == "tickets" and "project" in body and body["project"] not in self.server.projects:
            return 422, {"error": f"there is no project {body['project']}", "field": "project"}
        if self.command == "POST" and kind == "tickets":
            number = self.server.next_number()
            known[str(number)] = {**TICKET, **body, "id": number}
            return 201, known[str(number)]
        if self.command == "PATCH" and name in known:
            known[name].update(body)
            return 200, known[name]
        return 404, {"error": "no such thing"}

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


if __name__ == "__main__":
    SERVER = Tickets(int(sys.argv[1]), sys.stdin.readline().strip())
    print(SERVER.url, flush=True)
    SERVER.serve_forever()
