"""Out of the control group of whoever called us: a transient systemd scope for the supervisor and its QEMU.

Without it, the end of a login session, or a restart of the service that somebody worked in, would end the VM.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import List

from .process import ENVIRONMENT
from .spec import Limits

_WAIT = 2.0


def is_possible() -> bool:
    """Whether systemd is here, and would do it for us."""
    if not os.path.isdir("/run/systemd/system"):
        return False
    return os.geteuid() == 0 or os.path.exists(f"/run/user/{os.geteuid()}/bus")


def leave(name: str, limits: Limits) -> bool:
    """Move this process into a scope of its own, with these limits; False where that is not possible."""
    if not is_possible():
        return False
    unit = f"aivp-vm-{name}-{os.getpid()}.scope"
    properties = _properties(limits)
    count = len([word for word in properties if word in ("s", "t", "b")]) + 1
    call = [*_bus(), *_START_TRANSIENT_UNIT, unit, "fail", str(count), "PIDs", "au", "1", str(os.getpid())]
    environment = {**ENVIRONMENT, "XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}"}
    try:
        asked = subprocess.run(
            [*call, *properties, "0"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WAIT,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.returncode == 0 and _arrived(unit)


def _bus() -> List[str]:
    return ["busctl", "--quiet", *(["--user"] if os.geteuid() != 0 else []), "call"]


def _properties(limits: Limits) -> List[str]:
    found = ["Description", "s", "aivp: a virtual machine", "CollectMode", "s", "inactive-or-failed"]
    if limits.cpu:
        found += ["CPUQuotaPerSecUSec", "t", str(limits.cpu * 10_000)]
    if limits.memory:
        found += ["MemoryMax", "t", str(limits.memory)]
    return found


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
    *("org.freedesktop.systemd1", "/org/freedesktop/systemd1"),
    *("org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"),
)
