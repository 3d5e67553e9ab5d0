"""The caller's side of a served provider: messages that leave, in parts where they are long, and what shall stop.

Knows the frames of protocol v1, and nothing of what requests mean.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any, BinaryIO, Dict, List, Mapping, Optional, Sequence, Set, Type, Union

from aivp_contract.canonical import NotCanonical, encode_masked
from aivp_contract.concealment import without
from aivp_contract.lines import MAX_LINE, BadLine
from aivp_contract.values import Json

from . import shim
from .errors import Bug, Permanent
from .process import Session
from .provider import error_form
from .redaction import opened
from .schema import load

PART = 512 * 1024
"""Bytes of items in one notification, about."""

LONGEST = MAX_LINE - 4096
"""Bytes of one item: the rest of the line is for what stands around it."""

TOGETHER = 64
"""Answers that are encoded in one go."""

Answer = Dict[str, Json]


class Encoded(bytes):
    """A result that is JSON already."""


Result = Union[Dict[str, Json], Encoded]


class ServedSession(Session):
    """What a provider may ask for, over this link: `log` and `progress` become notifications."""

    def __init__(self, watch: shim.Shim, outgoing: BinaryIO) -> None:
        super().__init__(watch)
        self.outgoing = outgoing
        self.capabilities: Mapping[str, Json] = {}
        self.request = 0
        self.stops = Stops()
        self._writing = threading.Lock()

    def configure(self, schema: Optional[Type[Any]], found: Mapping[str, Json]) -> None:
        """What people wrote for this provider, as its dataclass; secrets of it are watched over from now on."""
        plain, self.standing = opened(dict(found))
        self.configuration = None if schema is None else load(schema, plain)

    def send(self, message: Json) -> None:
        """One message, secrets without their values."""
        self.write(encode_masked(message) + b"\n")

    def answer(self, number: int, result: Encoded) -> None:
        """The answer to a request, of a result that is not encoded again."""
        self.write(b'{"id":%d,"jsonrpc":"2.0","result":%b}\n' % (number, result))

    def write(self, line: bytes) -> None:
        """One line. Where nobody listens any more, reading will end, too."""
        if len(line) > MAX_LINE:
            raise BadLine(f"a message longer than {MAX_LINE} bytes")
        with self._writing, contextlib.suppress(OSError):
            self.outgoing.write(line)
            self.outgoing.flush()

    def log(self, message: str, level: str = "info") -> None:
        """A line for people."""
        self._tell("log", {"level": level, "message": self.redacted(message)[:10_000]})

    def progress(self, message: str, done: Optional[float] = None, total: Optional[float] = None) -> None:
        """How far a long effect is."""
        counts = {name: value for name, value in (("done", done), ("total", total)) if value is not None}
        self._tell("progress", {"message": self.redacted(message)[:1000], **counts})

    def is_stopped(self) -> bool:
        """True once the caller has canceled the request in hand, or is gone."""
        return self.stops.covers(self.request)

    def redacted(self, message: str) -> str:
        """Without the secrets of the request in hand, and those of the configuration."""
        return without(message, {*self.secrets, *self.standing})

    def _tell(self, method: str, params: Dict[str, Json]) -> None:
        if self.capabilities.get(method):
            item = {"id": self.item} if self.item else {}
            self.send({"jsonrpc": "2.0", "method": method, "params": {"request": self.request, **item, **params}})


class Stops:
    """What shall not be begun any more: items of cancelled requests, and everything once the link is gone."""

    def __init__(self) -> None:
        self.requests: Set[int] = set()
        self.is_over = threading.Event()

    def cancel(self, params: Json) -> None:
        """Take a `cancel` notification."""
        request = params.get("request") if isinstance(params, dict) else None
        if type(request) is int:
            self.requests.add(request)

    def covers(self, request: int) -> bool:
        """True where no further item of this request is wanted."""
        return self.is_over.is_set() or request in self.requests


class Parts:
    """Collects answers, and sends them away before they are too many for a message; `result` is what is left.

    Each is encoded here and only here, in the form that shows no value of a secret.
    """

    def __init__(self, session: ServedSession) -> None:
        self.session = session
        self._texts: List[bytes] = []
        self._size = 0

    def add(self, answers: Sequence[Answer]) -> None:
        """Take the next answers, in order."""
        for start in range(0, len(answers), TOGETHER):
            group = list(answers[start : start + TOGETHER])
            try:
                text = encode_masked(group)[1:-1]
            except NotCanonical:
                group = [_with_a_form(answer) for answer in group]
                text = encode_masked(group)[1:-1]
            self._take(group, text)

    def result(self) -> Encoded:
        """The rest of them, as the result of the request."""
        return Encoded(b'{"items":[%b]}' % b",".join(self._texts))

    def _take(self, answers: Sequence[Answer], text: bytes) -> None:
        if len(text) > PART and len(answers) > 1:
            for answer in answers:
                self._take([answer], encode_masked(answer))
            return
        if len(text) > LONGEST:
            text = encode_masked(_too_long(answers[0]))
        if self._texts and self._size + len(text) > PART:
            self._send()
        self._texts.append(text)
        self._size += len(text) + 1

    def _send(self) -> None:
        head = b'{"jsonrpc":"2.0","method":"items","params":{"items":['
        self.session.write(head + b",".join(self._texts) + b'],"request":%d}}\n' % self.session.request)
        self._texts, self._size = [], 0


def _with_a_form(answer: Answer) -> Answer:
    """The answer, or that it is none: what JSON cannot say is a bug in one item, and the others are answered."""
    try:
        encode_masked(answer)
    except NotCanonical as error:
        return {"id": answer["id"], "error": error_form(Bug.of(error))}
    return answer


def _too_long(answer: Answer) -> Answer:
    return {"id": answer["id"], "error": error_form(Permanent("its answer is too long for a message"))}
