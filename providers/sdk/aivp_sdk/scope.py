"""Out of the control group of whoever called us: a transient systemd scope for this process and its children.

Without it, systemd's end of a login session, or a restart of the service that the runner belongs to, would kill the
shim and the command in its hand.
"""

from __future__ import annotations

import os
import subprocess
import time

_WAIT = 2.0


def leave() -> bool:
    """Move this process into a scope of its own, where systemd allows it; False where it does not."""
    if os.geteuid() != 0 or not os.path.isdir("/run/systemd/system"):
        return False
    name = f"aivp-shim-{os.getpid()}-{time.monotonic_ns()}.scope"
    call = [*_START_TRANSIENT_UNIT, name, "fail", "3", "PIDs", "au", "1", str(os.getpid()), *_PROPERTIES]
    try:
        asked = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, timeout=_WAIT, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.returncode == 0 and _arrived(name)


def _arrived(name: str) -> bool:
    """The job that moves us is done a moment after it was accepted."""
    deadline = time.monotonic() + _WAIT
    while time.monotonic() < deadline:
        with open("/proc/self/cgroup") as file:
            if name in file.read():
                return True
        time.sleep(0.002)
    return False


_START_TRANSIENT_UNIT = (
    *("busctl", "--quiet", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"),
    *("org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"),
)
_PROPERTIES = (
    *("Description", "s", "aivp: a command that must finish"),
    *("CollectMode", "s", "inactive-or-failed", "0"),
)
