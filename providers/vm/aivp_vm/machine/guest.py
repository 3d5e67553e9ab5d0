"""The door to the guest: the port of the guest helper on one side, `guest.sock` on the other, its switchboard between.

Only one may speak on the port, so the supervisor holds it, and joins whoever comes with it.
"""

from __future__ import annotations

import asyncio
import logging
import stat
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

from aivp_guest.ready import Ready
from aivp_guest.routes import Lost
from aivp_guest.switchboard import Switchboard

log = logging.getLogger("guest")

_ASKED = 5.0


class Guest:
    """The helper of one running VM. personality: what the guest is made before it counts as ready.

    hello: what it said of itself, None while it does not answer; `answered` is set as long as it does; `changed` is
    called whenever that changes.
    """

    def __init__(self, personality: Mapping[str, Any], changed: Callable[[], None]) -> None:
        self.hello: Optional[Dict[str, Any]] = None
        self.answered = asyncio.Event()
        self._personality = personality
        self._changed = changed
        self._board: Optional[Switchboard] = None

    async def open(self, port: str, door: str) -> None:
        """Raises OSError while nobody listens at `port`."""
        if not stat.S_ISSOCK(Path(port).stat().st_mode):
            raise FileNotFoundError(port)
        self._board = Switchboard(port, door, self._personality, log.info, self._heard)
        await self._board.start()

    async def shut_down(self, reboot: bool = False) -> bool:
        """Ask the guest to end, or to begin again; False where nobody in there can be asked."""
        if self._board is None:
            return False
        try:
            await self._board.ask({"do": "power", "to": "reboot" if reboot else "off"}, _ASKED)
        except (Lost, asyncio.TimeoutError):
            return False
        return True

    def personalise(self, personality: Mapping[str, Any]) -> None:
        """Make the guest another one: it does not count as ready until it is."""
        assert self._board is not None
        self._board.open(personality)

    def gone(self) -> None:
        """Nobody listens in there, as while it boots again: it is not ready until it speaks again."""
        if self._board is not None:
            self._board.closed()

    async def close(self) -> None:
        """Let go of the port, and of whoever is joined with it."""
        if self._board is not None:
            await self._board.close()

    def _heard(self, ready: Optional[Ready]) -> None:
        self.hello = None if ready is None else ready.message()
        if ready is None:
            self.answered.clear()
        else:
            self.answered.set()
        self._changed()
