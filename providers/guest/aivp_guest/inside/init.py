"""The helper as the first process of a machine without another init: mounts, a child that is kept alive, the end.

For small guests, such as those of tests: a kernel, a root with python3 and this file are enough.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Dict

from aivp_guest.inside.process import PATH

if TYPE_CHECKING:
    import ctypes

_MOUNTS = (
    ("proc", "/proc", "proc", ""),
    ("sysfs", "/sys", "sysfs", ""),
    ("devtmpfs", "/dev", "devtmpfs", "mode=0755"),
    ("devpts", "/dev/pts", "devpts", "mode=0620,ptmxmode=0666"),
    ("tmpfs", "/run", "tmpfs", "mode=0755"),
    ("tmpfs", "/tmp", "tmpfs", "mode=1777"),  # noqa: S108 -- a mount point
)
_OFF, _REBOOT = 0x4321FEDC, 0x01234567
_REMOUNT, _NODEV_RELATIME = 32, 1 << 21
_ENDS: Dict[int, int] = {signal.SIGRTMIN + 4: _OFF, signal.SIGRTMIN + 5: _REBOOT, signal.SIGINT: _REBOOT}


def become_init() -> None:
    """Return in a child that is the helper; this process stays, and starts another one whenever that has ended."""
    import ctypes

    system = ctypes.CDLL(None, use_errno=True)
    for source, place, kind, options in _MOUNTS:
        with contextlib.suppress(OSError):
            os.makedirs(place, exist_ok=True)
        if not os.path.ismount(place):
            system.mount(source.encode(), place.encode(), kind.encode(), 0, options.encode())
    system.mount(b"none", b"/", None, _REMOUNT | _NODEV_RELATIME, None)
    os.environ["PATH"] = PATH
    with contextlib.suppress(OSError):
        open("/run/aivp-init", "w", encoding="ascii").close()
    _bring_up_loopback()
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_ENDS, signal.SIGCHLD})
    while True:
        helper = os.fork()
        if helper == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {*_ENDS, signal.SIGCHLD})
            os.setsid()
            return
        _reap(system, helper)


def _reap(system: ctypes.CDLL, helper: int) -> None:
    """Take in the orphans until the helper has ended, or the machine is to."""
    begun = time.monotonic()
    while True:
        number = signal.sigwait({*_ENDS, signal.SIGCHLD})
        if number in _ENDS:
            _end(system, _ENDS[number])
        is_gone = False
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                is_gone = is_gone or pid == helper
        if is_gone:
            time.sleep(max(0.0, 0.2 - (time.monotonic() - begun)))
            return


def _end(system: ctypes.CDLL, how: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.kill(-1, number)
        deadline = time.monotonic() + 2
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.02)
    os.sync()
    system.mount(b"none", b"/", None, _REMOUNT | 1, None)
    system.reboot(how)
    sys.exit(1)


def _bring_up_loopback() -> None:
    from aivp_guest.inside.netlink import Netlink

    with contextlib.suppress(OSError), Netlink() as kernel:
        kernel.set_link(1)
