"""A real server of http on this machine that behaves as it is told to: also badly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Shop:
    """What is served, and how. asked: the Range of every question; cut: after how many bytes each answer breaks off."""

    data: bytes = b""
    tag: str | None = '"v1"'
    modified: str | None = None
    cut: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    has_ranges: bool = True
    length: str | None = None
    status: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    more: bytes = b""
    stall: float = 0.0
    before: Callable[[], None] | None = None
    location: str | None = None
    is_chunked: bool = False
    has_length: bool = True
    wrong_range: str | None = None


@contextmanager
def serving(shop: Shop) -> Iterator[str]:
    """Its address while it serves."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Nobody listens."""

        def do_GET(self) -> None:
            serve(self, shop)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/disk.img"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serve(request: BaseHTTPRequestHandler, shop: Shop) -> None:
    wanted = request.headers.get("Range")
    shop.asked.append(wanted)
    if shop.before is not None:
        shop.before()
    if shop.status and (status := shop.status.pop(0)) != 200:
        request.send_response(status)
        if shop.location is not None:
            request.send_header("Location", shop.location)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    start = 0
    condition = request.headers.get("If-Range")
    if wanted and shop.has_ranges and condition in (None, shop.tag, shop.modified):
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start > len(shop.data):
            request.send_response(416)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
    body = shop.data[start:]
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", shop.wrong_range or f"bytes {start}-{len(shop.data) - 1}/{len(shop.data)}")
    for name, value in (("ETag", shop.tag), ("Last-Modified", shop.modified), *shop.headers.items()):
        if value is not None:
            request.send_header(name, value)
    if shop.is_chunked:
        request.send_header("Transfer-Encoding", "chunked")
        body = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    elif shop.has_length:
        request.send_header("Content-Length", shop.length or str(len(body)))
    request.end_headers()
    cut = shop.cut.pop(0) if shop.cut else None
    if shop.stall:
        threading.Event().wait(shop.stall)
    try:
        request.wfile.write(body[:cut] + shop.more)
        request.wfile.flush()
    except OSError:
        return
    if cut is not None or shop.more or not shop.has_length:
        request.close_connection = True
        try:
            request.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
