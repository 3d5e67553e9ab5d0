"""Throwaway systemd hosts, for tests, demo and bench.

    reason = lab.available()            # None, or why a test is skipped
    with lab.host() as host:            # real systemd, own network, ready in about a second
        host.run(["apt-get", "update"])
        subprocess.run([*host.argv, "python3", "-"], ...)   # the byte channel of `transport: exec`
    with lab.network() as network:      # several in one private network, reached over real SSH
        web1, web2 = network.hosts({"web1": "bullseye", "web2": "trixie"})
        subprocess.run(network.ssh("web1", "uname", "-n"))

    with lab.machine(files, "/sbin/init") as guest:   # a real guest, with these files in its root
        Switchboard(str(guest.port), …)

`lab.plain_host()` is one without systemd, where init scripts start things and dnf may be the package manager.
Each host is an overlay over a cached root, so a test may do to it whatever it likes. `python -m tests.lab`
does the same for a person at a shell. Only the names below are for users.
"""

from tests.lab.accounts import ASKS_PASSWORD
from tests.lab.availability import available, network_available
from tests.lab.errors import CommandFailed, LabError, Terminated
from tests.lab.hosts import Host
from tests.lab.machines import Machine, machine, machines_available
from tests.lab.networks import Network, SshHost, network
from tests.lab.plain import PlainHost, plain_available, plain_host
from tests.lab.recipe import DEFAULT_SUITE, SUITES
from tests.lab.snapshots import Snapshot, difference, snapshot
from tests.lab.start import host, sweep

__all__ = [
    "ASKS_PASSWORD",
    "DEFAULT_SUITE",
    "SUITES",
    "CommandFailed",
    "Host",
    "LabError",
    "Machine",
    "Network",
    "PlainHost",
    "Snapshot",
    "SshHost",
    "Terminated",
    "available",
    "difference",
    "host",
    "machine",
    "machines_available",
    "network",
    "network_available",
    "plain_available",
    "plain_host",
    "snapshot",
    "sweep",
]
