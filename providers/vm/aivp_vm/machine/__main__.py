"""`python3 -I ENTRY FOLDER`: a supervisor for the VM in FOLDER, detached from its caller. Ends with 0 once it listens.

Where one is there already, that is as good.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import signal
import sys
import traceback
from pathlib import Path

from . import places, scope, spec
from .control import Control
from .holders import hold
from .supervisor import Supervisor

LINGER = 1.0
"""Seconds for which a supervisor stays that has nothing to watch over: who asked for one thing asks for another."""


def main(argv: list[str]) -> int:
    """Detach, and watch over the VM; the first process ends when the supervisor listens."""
    folder = Path(argv[1]).absolute()
    os.chdir(folder)
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.close(ours)
        os.setsid()
        if os.fork() == 0:
            _detach()
            _live(folder, theirs)
        os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as told:
        said = told.read()
    if said == b"up":
        return 0
    sys.stderr.write(said.decode(errors="replace") or "the supervisor did not start\n")
    return 1


def _live(folder: Path, told: int) -> None:
    code = 1
    try:
        held = hold(folder / places.LOCK)
        if held is None:
            os.write(told, b"up")
        else:
            _write_log(folder)
            scope.leave(folder.name, _limits(folder))
            asyncio.run(_supervise(folder, told))
        code = 0
    except BaseException:
        logging.getLogger("supervisor").exception("ended")
        with contextlib.suppress(OSError):
            os.write(told, traceback.format_exc(limit=-1).encode())
    finally:
        os._exit(code)


async def _supervise(folder: Path, told: int) -> None:
    supervisor = Supervisor(folder)
    control = Control(supervisor)
    asked_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_end.set)
    await supervisor.adopt()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(places.CONTROL)
    await control.open(places.CONTROL)
    os.write(told, b"up")
    os.close(told)
    idle = 0
    while not asked_to_end.is_set() and idle < 2:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asked_to_end.wait(), LINGER)
        idle = idle + 1 if supervisor.is_idle and control.clients == 0 else 0
    control.close()
    await supervisor.let_go()


def _limits(folder: Path) -> spec.Limits:
    """A scope has its limits from the beginning; one for all starts of the VM."""
    machine = (places.read_json(folder / places.SPEC) or {}).get("machine")
    return spec.read(machine).limits if machine else spec.Limits()


def _detach() -> None:
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text("aivp-vm")


def _write_log(folder: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(folder / places.LOG, maxBytes=256 * 1024, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
