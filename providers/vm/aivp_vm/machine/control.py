"""`control.sock`: one JSON object a line asks for a verb, one answers. The table of verbs is here; what they do is not.

    {"verb": "stop", "timeout": 60}  →  {"ok": true, "result": {…}}  or  {"ok": false, "error": "…"}

`console` turns the connection into the console itself, once it has answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any, Awaitable, Callable, Dict, Mapping

from .monitor import Refused
from .running import Failed
from .spec import Forward
from .supervisor import Supervisor, summary

log = logging.getLogger("control")

LONGEST = 4 * 1024 * 1024
"""Bytes of a line."""

Asked = Mapping[str, Any]
Verb = Callable[[Supervisor, Asked], Awaitable[Any]]


async def _status(supervisor: Supervisor, _: Asked) -> Any:
    return summary(supervisor)


async def _start(supervisor: Supervisor, asked: Asked) -> Any:
    await supervisor.start(paused=bool(asked.get("paused")))
    return summary(supervisor)


async def _stop(supervisor: Supervisor, asked: Asked) -> Any:
    await supervisor.stop(float(asked.get("timeout", 60)), bool(asked.get("force")))
    return summary(supervisor)


async def _reboot(supervisor: Supervisor, asked: Asked) -> Any:
    await supervisor.reboot(float(asked.get("timeout", 60)), bool(asked.get("force")))
    return summary(supervisor)


async def _pause(supervisor: Supervisor, _: Asked) -> Any:
    await supervisor.pause()
    return summary(supervisor)


async def _resume(supervisor: Supervisor, _: Asked) -> Any:
    await supervisor.resume()
    return summary(supervisor)


async def _wait(supervisor: Supervisor, asked: Asked) -> Any:
    await supervisor.wait(float(asked.get("timeout", 300)))
    return summary(supervisor)


async def _forward(supervisor: Supervisor, asked: Asked) -> Any:
    await supervisor.forward([Forward(**one) for one in asked["forwards"]])
    return summary(supervisor)


async def _grow(supervisor: Supervisor, asked: Asked) -> Any:
    await supervisor.grow(asked["disk"], int(asked["size"]))
    return {}


async def _freeze(supervisor: Supervisor, _: Asked) -> Any:
    await supervisor.freeze()
    return summary(supervisor)


async def _snapshot(supervisor: Supervisor, asked: Asked) -> Any:
    found = await supervisor.keep(str(asked["name"]), bool(asked.get("memory")))
    return {"name": found.name, "size": found.size}


async def _restore(supervisor: Supervisor, asked: Asked) -> Any:
    await supervisor.restore(str(asked["name"]))
    return summary(supervisor)


async def _delete_snapshot(supervisor: Supervisor, asked: Asked) -> Any:
    await supervisor.drop(str(asked["name"]))
    return {}


async def _qmp(supervisor: Supervisor, asked: Asked) -> Any:
    return await supervisor.execute(asked["execute"], asked.get("arguments"))


VERBS: Dict[str, Verb] = {
    "forward": _forward,
    "delete-snapshot": _delete_snapshot,
    "freeze": _freeze,
    "grow": _grow,
    "pause": _pause,
    "qmp": _qmp,
    "reboot": _reboot,
    "restore": _restore,
    "resume": _resume,
    "snapshot": _snapshot,
    "start": _start,
    "status": _status,
    "stop": _stop,
    "wait": _wait,
}
"""Another part of the VM adds its verbs here."""


class Control:
    """The server. clients: how many are there at this moment."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.clients = 0
        self._server: asyncio.AbstractServer | None = None

    async def open(self, path: str) -> None:
        """Listen there; whatever lay there is a leftover, since the lock is ours."""
        self._server = await asyncio.start_unix_server(self._serve, path, limit=LONGEST)

    def close(self) -> None:
        """Take no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        try:
            with contextlib.suppress(OSError, ValueError):
                while line := await reader.readline():
                    asked = _read(line)
                    writer.write(json.dumps(await self._answer(asked)).encode() + b"\n")
                    await writer.drain()
                    if asked.get("verb") == "console" and self.supervisor.running is not None:
                        await self.supervisor.running.console.attach(reader, writer)
                        return
        finally:
            self.clients -= 1
            writer.close()

    async def _answer(self, asked: Asked) -> Dict[str, Any]:
        name = asked.get("verb")
        if name == "console":
            return {"ok": True, "result": {}} if self.supervisor.running else _error("it does not run")
        verb = VERBS.get(str(name))
        if verb is None:
            return _error(f"there is no verb {name!r}: {', '.join(sorted(VERBS))}")
        try:
            return {"ok": True, "result": await verb(self.supervisor, asked)}
        except (Failed, Refused) as error:
            return _error(str(error))
        except (KeyError, TypeError, ValueError) as error:
            return _error(f"{name} was asked for in a wrong form: {error}")
        except Exception:  # a boundary between processes: the supervisor goes on
            log.exception("%s failed", name)
            return _error(f"{name} failed; the log of the supervisor says more")


def _read(line: bytes) -> Asked:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error(text: str) -> Dict[str, Any]:
    return {"ok": False, "error": text}
