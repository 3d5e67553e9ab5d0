"""Throwaway hosts in a private network, as the comparison sees them: made, looked at from outside, made empty again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import lab

OWNER, MODE = "root", "0644"
_LOOK = """cd "$1" && find . -type f -printf '%P %m %u %g %i\\n' | sort
find . -type f -exec sha256sum {} + | sort -k 2"""


@dataclass(frozen=True, slots=True)
class Site:
    """`folder` is ours, for projects; every host can be reached by its name with `ssh -F config`."""

    network: lab.Network
    hosts: Sequence[lab.SshHost]
    folder: Path

    @property
    def config(self) -> Path:
        """For `ssh -F`."""
        return self.network.client.config

    def only(self, count: int) -> Site:
        """The same with the first `count` hosts."""
        return Site(self.network, self.hosts[:count], self.folder)

    def run(self, *argv: str) -> list[str]:
        """Run a command on each host, past SSH; what each said."""
        return [host.host.run(argv).stdout for host in self.hosts]

    def empty(self, folder: str) -> None:
        """An empty folder there, and nothing in it."""
        self.run("sh", "-c", 'rm -rf "$1" && mkdir -p "$1"', "sh", folder)

    def look(self, folder: str) -> list[str]:
        """What is in a folder: per file name, mode, owner, group, inode number, and the digest of its content."""
        return self.run("sh", "-c", _LOOK, "sh", folder)


def contents(count: int) -> Mapping[str, str]:
    """Name → text of the files that every tool is to write on each host."""
    return {f"f{index}": f"line {index}\n" for index in range(count)}


def is_written(seen: str, count: int) -> bool:
    """Whether what `Site.look` saw is exactly what was declared."""
    lines = seen.splitlines()
    stats = {line.split()[0]: line.split()[1:4] for line in lines[: len(lines) // 2]}
    digests = {line.split()[1].removeprefix("./"): line.split()[0] for line in lines[len(lines) // 2 :]}
    wanted = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in contents(count).items()}
    return digests == wanted and stats == {name: [MODE.lstrip("0"), OWNER, OWNER] for name in wanted}


@contextmanager
def site(folder: Path, count: int) -> Iterator[Site]:
    """`count` hosts of the lab's default release, gone at the end of the block."""
    with lab.network() as network:
        hosts = network.hosts({f"web{index}": lab.DEFAULT_SUITE for index in range(1, count + 1)})
        yield Site(network, hosts, folder)
