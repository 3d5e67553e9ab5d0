"""QEMU's monitor (QMP) as coroutines. One owner at a time: a second client is kept waiting by QEMU, for ever."""

from __future__ import annotations

import logging
from typing import Any, AsyncIterator, Dict, Mapping, Optional

from qemu.qmp import ExecuteError, QMPClient, QMPError


class Refused(Exception):
    """The monitor did not do what it was asked for; the text is QEMU's."""


class Monitor:
    """A connection to the monitor of one running QEMU."""

    def __init__(self) -> None:
        self._client = QMPClient("monitor")
        self._client.logger.setLevel(logging.CRITICAL)  # the end of QEMU is no news for the log, and is told elsewhere

    async def open(self, path: str) -> None:
        """Raises OSError while nobody listens there."""
        try:
            await self._client.connect(path)
        except QMPError as error:
            raise ConnectionError(str(error)) from error

    async def execute(self, command: str, arguments: Optional[Mapping[str, Any]] = None) -> Any:
        """The answer to one command. Raises Refused, also where QEMU is gone."""
        try:
            return await self._client.execute(command, dict(arguments or {}))
        except ExecuteError as error:
            raise Refused(str(error)) from error
        except (QMPError, OSError, EOFError) as error:
            raise Refused(f"{command}: the VM has ended") from error

    async def human(self, line: str) -> str:
        """What the monitor for people answers; empty where all went well."""
        return str(await self.execute("human-monitor-command", {"command-line": line})).strip()

    async def events(self) -> AsyncIterator[Dict[str, Any]]:
        """What happens, as it happens; ends with the connection."""
        async for event in self._client.events:
            yield dict(event)

    async def close(self) -> None:
        """Let go of it; the VM goes on."""
        try:
            await self._client.disconnect()
        except (QMPError, OSError, EOFError):
            return
