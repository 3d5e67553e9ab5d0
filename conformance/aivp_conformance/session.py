"""A session: requests and their answers, each held to the rules that hold for all of them (docs/protocol/v1.md,
sections 2, 11 and 12).

Raises Broken with the name of the rule: `stdout`, `answers`, `messages`, `items`, `notifications`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .broken import Broken, short
from .process import LINE, Process, TooLong
from .schemas import complaint, validator

SAMPLE = 100  # items of a long answer that are held to the schema; the others by ids and order


@dataclass(frozen=True)
class Answer:
    """What came of a request: `result` or `error`, and how many parts came before it."""

    result: Any = None
    error: Any = None
    parts: int = 0

    @property
    def code(self) -> Any:
        return None if self.error is None else self.error.get("code")


class Session:
    """One conversation with one process."""

    def __init__(self, process: Process, patience: float, shown: Sequence[str] = ("progress", "log")) -> None:
        self.process = process
        self.patience = patience
        self.shown = frozenset(shown)
        self.number = 0

    def ask(self, method: str, params: Any, patience: float | None = None, **members: Any) -> Answer:
        """One request and its answer. `members`: further members of the message."""
        return self.answer(self.send(method, params, **members), method, params, patience)

    def result(self, method: str, params: Any, patience: float | None = None) -> Any:
        """The result of a request that has nothing wrong with it."""
        answer = self.ask(method, params, patience)
        if answer.error is not None:
            raise Broken("answers", f"{method} was refused", answer.error)
        for item in answer.result.get("items", ()):
            if "error" in item and item["error"]["class"] == "bug":
                raise Broken("answers", f"{method} met a bug of the provider", item)
        return answer.result

    def send(self, method: str, params: Any, **members: Any) -> int:
        """Send a request without waiting; its number."""
        self.number += 1
        self.write({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params, **members})
        return self.number

    def notify(self, method: str, params: Any) -> None:
        self.write({"jsonrpc": "2.0", "method": method, "params": params})

    def write(self, message: Any) -> None:
        self.process.send(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def answer(self, number: int, method: str, params: Any, patience: float | None = None) -> Answer:
        """Wait for the answer to a request; what comes meanwhile is judged, too."""
        patience = self.patience if patience is None else patience
        deadline, items, parts = time.monotonic() + patience, [], 0
        while True:
            message = self.message(deadline, method, patience)
            if "id" not in message:
                if self.notification(message, number) == "items":
                    items += self.judged(message["params"]["items"], method, message)
                    parts += 1
                continue
            self.valid("answer", message)
            if message["id"] != number:
                raise Broken("answers", f"an answer with the id {message['id']}; {number} is in hand", message)
            if "error" in message:
                return Answer(error=message["error"], parts=parts)
            result = message["result"]
            if method in ("observe", "apply", "list", "upgrade"):
                result = {**result, "items": items + self.judged(result.get("items"), method, message)}
                if method != "list":
                    in_order(params["items"], result["items"], message)
            else:
                self.valid(f"{method}.result", result)
            return Answer(result=result, parts=parts)

    def message(self, deadline: float, method: str, patience: float) -> dict[str, Any]:
        """The next message, of which only the frame is judged."""
        try:
            line = self.process.line(deadline)
        except TimeoutError:
            raise Broken("answers", f"no answer to {method} within {patience:g} s") from None
        except TooLong:
            raise Broken("stdout", f"a line of more than {LINE} bytes, while {method} was in hand") from None
        if line is None:
            code = self.process.wait(time.monotonic() + 1)
            ended = "closed stdout" if code is None else f"exited with {code}"
            raise Broken("answers", f"it {ended} instead of answering {method}", self.said())
        return parsed(line)

    def notification(self, message: Mapping[str, Any], number: int) -> Any:
        """Judge a notification; its method."""
        name = message.get("method")
        if name in ("progress", "log"):
            if name not in self.shown:
                raise Broken("notifications", f"{name}, which the caller's capabilities do not name", message)
            wrong = complaint(validator("messages", "notification"), message)
            if wrong is not None:
                raise Broken("notifications", f"a {name} that breaks its schema at {wrong}", message)
        else:
            params = message.get("params")
            if name == "items" and isinstance(params, dict):  # the time that this takes is not the provider's
                message = {**message, "params": {**params, "items": sample(params.get("items"))}}
            self.valid("notification", message)
        about = message.get("params", {}).get("request", number)
        if name in ("items", "progress", "log") and about != number:
            raise Broken("notifications", f"{name} for request {about}; {number} is in hand", message)
        return name

    def judged(self, items: Any, method: str, message: Any) -> list[Any]:
        """Items of a result, held to its schema: all, or a sample of a long answer."""
        wrong = complaint(validator("messages", f"{method}.result"), {"items": sample(items)})
        if wrong is not None:
            raise Broken("messages", f"the result of {method} breaks its schema at {wrong}", message)
        return list(items)

    def valid(self, definition: str, value: Any) -> None:
        wrong = complaint(validator("messages", definition), value)
        if wrong is not None:
            raise Broken("messages", f"a message breaks the schema of {definition} at {wrong}", value)

    def finish(self) -> None:
        """Close stdin and judge what is still said; whoever does not exit is killed, and judged elsewhere."""
        self.process.close_stdin()
        deadline = time.monotonic() + min(self.patience, 1.0)
        try:
            while (line := self.process.line(deadline)) is not None:
                message = parsed(line)
                if "id" in message:
                    raise Broken("answers", "an answer that nobody waits for", message)
        except (TimeoutError, TooLong):
            pass
        finally:
            self.process.kill()

    def said(self) -> str | None:
        """The end of stderr."""
        text = self.process.stderr.decode("utf-8", "replace").strip()
        return f"stderr: {short(text[-400:])}" if text else None


def parsed(line: bytes) -> dict[str, Any]:
    """A line as a message object."""
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        text = line[:200].decode("utf-8", "backslashreplace")
        raise Broken("stdout", "a line on stdout that is no JSON", text or "(an empty line)") from None
    if (
        not isinstance(message, dict)
        or message.get("jsonrpc") != "2.0"
        or ("id" not in message and "method" not in message)
    ):
        raise Broken("stdout", "a line on stdout that is no message of JSON-RPC 2.0", message)
    return message


def sample(items: Any) -> Any:
    """A part of a long list, from all over it; anything else as it is."""
    if not isinstance(items, list) or len(items) <= 2 * SAMPLE:
        return items
    return items[:SAMPLE] + items[SAMPLE :: max(1, len(items) // SAMPLE)]


def in_order(asked: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]], message: Any) -> None:
    """Exactly one item for each, with its id, in the order of the request."""
    wanted, found = [item["id"] for item in asked], [item["id"] for item in items]
    if wanted == found:
        return
    if sorted(wanted) == sorted(found):
        raise Broken("items", f"the items {short(found, 120)} are not in the order of the request", message)
    missing, alien = [i for i in wanted if i not in set(found)], [i for i in found if i not in set(wanted)]
    told = [f"{len(wanted)} items were asked, {len(found)} answered"]
    told += [f"none for {short(missing[0], 80)}"] if missing else []
    told += [f"one for {short(alien[0], 80)}, which was not asked"] if alien else []
    raise Broken("items", "; ".join(told), message)


def _refuse(text: str) -> Any:
    raise ValueError(text)
