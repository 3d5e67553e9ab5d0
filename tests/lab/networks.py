"""Several throwaway hosts in one private network, reached over real SSH: the order of the parts, no more.

    with lab.network() as network:
        web1, web2 = network.hosts({"web1": "bullseye", "web2": "trixie"})
        subprocess.run(network.ssh("web1", "uname", "-n", user="deploy"))
        subprocess.run([*network.argv, "aivp", "apply"])        # any program, in the network
        web1.link.cut()

The network is a namespace: nothing of the machine's own takes part, and addresses are the same each time.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import accounts, namespaces
from tests.lab.accounts import Client
from tests.lab.errors import LabError
from tests.lab.hosts import Host
from tests.lab.links import Link, lay_bridge
from tests.lab.places import places
from tests.lab.recipe import DEFAULT_SUITE
from tests.lab.signals import signals_held, terminable
from tests.lab.start import start_host, sweep

_FIRST_NUMBER, _LAST_NUMBER = 11, 254
_CLONE_NEWNET = 0x40000000
_SIDE_BY_SIDE = 8


@dataclass(frozen=True, slots=True)
class SshHost:
    """A host of a network; `name` is its host name and its alias for ssh."""

    name: str
    host: Host
    link: Link

    @property
    def address(self) -> str:
        return self.link.address

    @property
    def address6(self) -> str:
        return self.link.address6


@contextmanager
def network(name: str | None = None, environ: Mapping[str, str] | None = None) -> Iterator[Network]:
    """A network without hosts, gone with all hosts that it got at the end of the block, whatever ends it."""
    with terminable():
        laid = Network.start(name, environ)
        try:
            yield laid
        finally:
            with signals_held():
                laid.remove()


class Network:
    """A network and its hosts; this process owns it and has to remove it. Tests want `network`."""

    def __init__(self, namespace: namespaces.Namespace, client: Client, environ: Mapping[str, str]) -> None:
        self._namespace = namespace
        self._environ = environ
        self._hosts: dict[str, SshHost] = {}
        self._numbers = iter(range(_FIRST_NUMBER, _LAST_NUMBER + 1))
        self._lock = threading.Lock()
        self.client = client

    @classmethod
    def start(cls, name: str | None = None, environ: Mapping[str, str] | None = None) -> Network:
        environ = os.environ if environ is None else environ
        sweep(environ)
        namespace = namespaces.create(places(environ), name or f"net-{secrets.token_hex(3)}")
        try:
            lay_bridge(namespace)
            return cls(namespace, accounts.make_client(namespace.folder / "ssh"), environ)
        except BaseException:
            with signals_held():
                namespaces.remove(namespace)
            raise

    @property
    def name(self) -> str:
        return self._namespace.name

    @property
    def argv(self) -> list[str]:
        """Put a command behind it to run it in the network, as the caller in all else."""
        return self._namespace.argv

    @property
    def all(self) -> tuple[SshHost, ...]:
        """Its hosts, by name."""
        return tuple(found for _, found in sorted(self._hosts.items()))

    def ssh(self, host: str, *command: str, user: str = "root", options: Iterable[str] = ()) -> list[str]:
        """The argv of OpenSSH's ssh to a host; the words of `command` go through the login shell there."""
        return [*self.argv, "ssh", "-F", str(self.client.config), *options, "-l", user, "--", host, *command]

    def host(self, name: str, suite: str = DEFAULT_SUITE, packages: Iterable[str] = ()) -> SshHost:
        """Start one more host, with sshd: accounts root, deploy (sudo), asks (sudo with a password), plain."""
        with self._lock:
            if name in self._hosts:
                raise LabError(f"The network {self.name!r} has a host {name!r} already.")
            link = Link(self._namespace, next(self._numbers))
        return self._start(name, suite, packages, link)

    def hosts(self, suites: Mapping[str, str]) -> tuple[SshHost, ...]:
        """Start hosts side by side, name → suite; addresses in the order given. If one fails, the others stay."""
        links = [Link(self._namespace, next(self._numbers)) for _ in suites]
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            starts = zip(suites.items(), links, strict=True)
            begun = [pool.submit(self._start, name, suite, (), link) for (name, suite), link in starts]
        return tuple(start.result() for start in begun)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Within the block this thread, and what it starts, is in the network."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            inside = os.open(self._namespace.pin, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _enter(inside)
            finally:
                os.close(inside)
            try:
                yield
            finally:
                _enter(before)
        finally:
            os.close(before)

    def detach(self, to_pid: int | None = None) -> None:
        """Let the network and its hosts live on when this process ends: they belong to `to_pid`, or to themselves."""
        owners = [found.host.detach(to_pid) for found in self._hosts.values()]
        if owners:
            self._namespace = namespaces.hand_over(self._namespace, owners[0])

    def remove(self) -> None:
        """End the hosts and remove all that is left of them and of the network."""
        for found in self._hosts.values():
            found.link.unplug()
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            ends = [pool.submit(found.host.remove) for found in self._hosts.values()]
        namespaces.remove(self._namespace)
        for end in ends:
            end.result()

    def _start(self, name: str, suite: str, packages: Iterable[str], link: Link) -> SshHost:
        def prepare(root: Path) -> None:
            accounts.prepare(root, name, self.client.public_key)

        instance = f"{self.name}-{name}"
        self._namespace.add_member(instance)
        host = start_host(suite, instance, packages, self._environ, prepare=prepare, on_boot=link.plug)
        started = SshHost(name, host, link)
        with self._lock:
            self._hosts[name] = started
            self._write_client()
        return started

    def _write_client(self) -> None:
        names = {name: (found.address, found.address6) for name, found in self._hosts.items()}
        keys = {name: accounts.host_keys(found.host.root) for name, found in self._hosts.items()}
        accounts.write_client(self.client, names, keys)


def _enter(namespace: int) -> None:
    """setns(2), which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
