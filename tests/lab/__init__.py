"""Throwaway systemd hosts, for tests, demo and bench.

    reason = lab.available()            # None, or why a test is skipped
    with lab.host() as host:            # real systemd, own network, ready in about a second
        host.run(["apt-get", "update"])
        subprocess.run([*host.argv, "python3", "-"], ...)   # the byte channel of `transport: exec`

`lab.plain_host()` is one without systemd, where init scripts start things and dnf may be the package manager.
Each host is an overlay over a cached root, so a test may do to it whatever it likes. `python -m tests.lab`
does the same for a person at a shell. Only the names below are for users.
"""

from tests.lab.availability import available
from tests.lab.errors import CommandFailed, LabError, Terminated
from tests.lab.hosts import Host
from tests.lab.plain import PlainHost, plain_host
from tests.lab.recipe import DEFAULT_SUITE, SUITES
from tests.lab.snapshots import Snapshot, difference, snapshot
from tests.lab.start import host, sweep

__all__ = [
    "DEFAULT_SUITE",
    "SUITES",
    "CommandFailed",
    "Host",
    "LabError",
    "PlainHost",
    "Snapshot",
    "Terminated",
    "available",
    "difference",
    "host",
    "plain_host",
    "snapshot",
    "sweep",
]
