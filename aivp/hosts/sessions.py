"""The sessions of one command: opened in parallel where they are first needed, closed together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from aivp.diagnostics import Refused
from aivp.hosts.archive import Archive
from aivp.hosts.equipment import Equipment
from aivp.hosts.session import SILENCE, HostSession
from aivp.model.resource import Host

T = TypeVar("T")


class Sessions:
    """Sessions by host name, each with a runner.

    parallelism: hosts that are worked on at once; silence: seconds after which a host that says nothing is lost;
    withheld: names of the environment variables that secrets come from, which no channel gets.
    equipment: what third-party providers' kinds need on a host.
    """

    def __init__(
        self,
        archive: Archive,
        parallelism: int = 10,
        silence: float = SILENCE,
        equipment: Equipment | None = None,
    ) -> None:
        self.archive = archive
        self.equipment = equipment
        self.parallelism = parallelism
        self.silence = silence
        self.withheld: set[str] = set()
        self.open: dict[str, HostSession] = {}
        self._equipped: set[tuple[str, str]] = set()

    def session(self, host: Host) -> HostSession:
        """The session with `host`, started if there is none. Raises Refused where that fails."""
        if host.name not in self.open:
            self.open[host.name] = HostSession.start(host, self.archive, self.silence, self.withheld)
        return self.open[host.name]

    def equip(self, name: str, kinds: Iterable[str]) -> None:
        """Bring the third-party providers of `kinds` to a host whose session is open. Raises Refusal or Refused."""
        if self.equipment is None:
            return
        for provider in sorted({found for kind in kinds if (found := self.equipment.provider(kind)) is not None}):
            if (name, provider) not in self._equipped:
                self.open[name].provide(self.equipment.bundle(provider), self.equipment.configure(provider))
                self._equipped.add((name, provider))

    def code(self) -> dict[str, str]:
        """Third-party providers that were brought to any host, with the digest of their code."""
        found = {provider for _, provider in self._equipped}
        return {name: self.equipment.bundle(name).digest for name in sorted(found) if self.equipment is not None}

    def drop(self, name: str) -> None:
        """Give a session up; the next one with this host is a new one."""
        self._equipped = {item for item in self._equipped if item[0] != name}
        session = self.open.pop(name, None)
        if session is not None:
            session.kill()

    def each(
        self, hosts: Iterable[str], work: Callable[[str], T], parallelism: int | None = None
    ) -> Mapping[str, T | Refused]:
        """`work` for every host, side by side; a host that refuses is its own answer and stops nobody else."""
        names = sorted(hosts)
        if len(names) == 1:
            return {names[0]: _caught(work, names[0])}
        with ThreadPoolExecutor(parallelism or self.parallelism) as pool:
            try:
                return dict(zip(names, pool.map(lambda name: _caught(work, name), names), strict=True))
            except BaseException:  # Ctrl-C, or a bug of ours: nobody reads the other hosts' answers any more
                pool.shutdown(wait=False, cancel_futures=True)
                self.kill()
                raise

    def cancel(self) -> None:
        """Ask every runner to finish the step in hand and start none."""
        for session in list(self.open.values()):
            try:
                session.cancel()
            except Refused:
                continue

    def kill(self) -> None:
        """End every channel at once."""
        for session in list(self.open.values()):
            session.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):  # Ctrl-C: nobody waits for what is being looked at
            self.kill()
        for session in self.open.values():
            session.close()


def _caught(work: Callable[[str], T], name: str) -> T | Refused:
    try:
        return work(name)
    except Refused as error:
        return error
