"""What a host asks of content while it applies a message → pieces, no more of them at once than it asked for.

A host is only given what the steps of that message declare.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from aivp_contract.values import Json

from aivp.blobs.contents import Contents, Lost, Reading
from aivp.events import ContentSent, Listener
from aivp.hosts.session import HostSession
from aivp.plan.blobs import blobs_of

MOST = 64
"""Pieces that one question may ask for."""

PIECE = 1024 * 1024
"""Bytes of one piece, at most."""

TOLD = 0.5
"""Seconds between two words about what was sent."""


class Feed:
    """Answers one session's `wanted` notifications, and tells now and then how much was sent.

    configs: address → what is applied there, by which a host may have the content of these addresses.
    """

    def __init__(
        self, session: HostSession, contents: Contents, configs: Mapping[str, Mapping[str, Json]], listen: Listener
    ) -> None:
        self.session = session
        self.listen = listen
        self.takers = {blob.sha256: address for address, config in configs.items() for blob in blobs_of(dict(config))}
        self.allowed = {sha256: contents.blobs[sha256] for sha256 in self.takers.keys() & contents.blobs.keys()}
        self._reading = Reading(contents)
        self._told_at = time.monotonic()
        self._told: set[str] = set()

    def answer(self, params: Json) -> None:
        """Send what was asked for. Raises Refused where no honest host asks so, or where the link is gone."""
        pieces = params.get("pieces") if isinstance(params, dict) else None
        if not isinstance(pieces, list) or len(pieces) > MOST:
            raise self.session.hostile("its question for content is not of the protocol")
        for piece in pieces:
            if not self._may_have(piece):
                raise self.session.hostile("it asks for content that is not meant for it")
            sha256, offset, length = piece
            try:
                self.session.send_piece(sha256, offset, self._reading.piece(sha256, offset, length))
                self._tell(sha256, offset + length)
            except Lost as lost:
                self.session.send_piece(sha256, offset, b"", str(lost))

    def _tell(self, sha256: str, done: int) -> None:
        """What is sent within the first interval is not worth a word; of all else the end is told, too."""
        now, total = time.monotonic(), self.allowed[sha256].size
        if now - self._told_at >= TOLD or (done == total and sha256 in self._told):
            self._told_at = now
            self._told ^= {sha256} if done == total or sha256 not in self._told else set()
            self.listen(ContentSent(self.session.host.name, self.takers[sha256], f"sha256:{sha256}", done, total))

    def _may_have(self, piece: Json) -> bool:
        if not isinstance(piece, list) or len(piece) != 3 or type(piece[0]) is not str:
            return False
        sha256, offset, length = piece
        if sha256 not in self.allowed or type(offset) is not int or type(length) is not int:
            return False
        return offset >= 0 and 0 < length <= PIECE and offset + length <= self.allowed[sha256].size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.close()
