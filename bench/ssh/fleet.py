"""Many hosts from one controller: memory of all its processes, and how its cost grows with the number of hosts."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machine import ROOT
from bench.measure import AIVP, Sample, measure
from bench.ssh import crowd
from bench.ssh.tools import write_project
from tests import lab
from tests.lab.places import places
from tests.lab.recipe import recipe
from tests.lab.roots import architecture, root

SIZES = (1, 25, 50, 100, 200)
"""The first stands for starting up, which `bench.fit` takes off."""

FILES = 20
OPERATIONS = {
    "plan": ["plan"],
    "apply": ["apply", "-y"],
    "no-op": ["apply", "-y"],
}
_NAMESPACES = [
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--propagation",
    "private",
    "--",
]
_CONFIG = """\
{aliases}Host *
    User root
    HostKeyAlias crowd
    IdentityFile {key}
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {known}
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
"""


def fleet(
    folder: Path, sizes: tuple[int, ...], note: Callable[[str], None], rounds: int = 1
) -> Iterator[tuple[int, str, Sample]]:
    """(hosts, operation, sample): from an empty cache on, up to a second apply that changes nothing."""
    tree = root(places(os.environ), recipe(lab.DEFAULT_SUITE, architecture(), ()), os.environ).tree
    for number in range(rounds):
        for count in sizes:
            project = folder / f"fleet-{count}-{number}"
            project.mkdir(parents=True)
            with lab.network() as network, _hosts(network, tree, count, project) as config:
                write_project(project, [crowd.name(index) for index in range(count)], FILES, crowd.PLACE)
                for operation, words in OPERATIONS.items():
                    argv = [*network.argv, AIVP, *words]
                    extra = {"AIVP_SSH": shlex.join(["ssh", "-F", str(config)])}
                    sample = measure(argv, project, limit=1800, extra=extra, interval=0.05)
                    note(f"{count} hosts: {operation} {sample.wall:.1f} s, {sample.peak / 2**20:.0f} MiB")
                    yield count, operation, sample


@contextmanager
def _hosts(network: lab.Network, tree: Path, count: int, folder: Path) -> Iterator[Path]:
    """The configuration of ssh by which they are reached."""
    key, known, config = folder / "key", folder / "known_hosts", folder / "config"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    known.write_text(f"crowd {key.with_suffix('.pub').read_text(encoding='ascii')}", encoding="ascii")
    aliases = "".join(f"Host {crowd.name(n)}\n    HostName {crowd.address(n)}\n" for n in range(count))
    config.write_text(_CONFIG.format(aliases=aliases, key=key, known=known), encoding="utf-8")
    with (folder / "crowd.log").open("wb") as log:
        running = subprocess.Popen(
            [*network.argv, *_NAMESPACES, sys.executable, "-m", "bench.ssh.crowd", str(tree), str(count), str(key)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            if running.stdout.readline() != b"ready\n":
                raise RuntimeError(f"the hosts did not start: {(folder / 'crowd.log').read_text()[-2000:]}")
            yield config
        finally:
            running.kill()  # with --kill-child everything within goes with it
            running.wait()
            running.stdin.close()
            running.stdout.close()
