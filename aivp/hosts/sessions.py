"""The sessions of one command: opened where they are first needed, never more than `parallelism` at once.

A host that is not being worked on gives its session up where another one needs room; the next visit opens it again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from itertools import islice
from types import TracebackType
from typing import Self, TypeAlias, TypeVar

from aivp_contract.values import Json

from aivp.diagnostics import Refused
from aivp.hosts.archive import Archive
from aivp.hosts.channel import Channel, channel
from aivp.hosts.equipment import Equipment
from aivp.hosts.link import Link
from aivp.hosts.session import SILENCE, HostSession, Listener
from aivp.model.resource import Host

T = TypeVar("T")

Arrive: TypeAlias = Callable[[HostSession], object]
"""What comes first on a session that was opened: a greeting, a run that is taken up there."""

Visit: TypeAlias = Callable[[str], AbstractContextManager[HostSession]]
"""A host by its name → its session, for as long as it is worked with."""


Attend: TypeAlias = Callable[[Sequence[str]], Callable[[str], object]]
"""Names of hosts that are about to be asked side by side → what takes the name of each that has answered."""


class Sessions:
    """Sessions by host name, each with a runner.

    archive: gives what is shipped, when it is first asked for it;
    parallelism: hosts that are worked on, and sessions that are open, at once; silence: seconds after which a host
    that says nothing is lost; withheld: names of the environment variables that secrets come from, which no channel
    gets; equipment: what third-party providers' kinds need on a host; reveal: opens the passwords of channels;
    overhear: by host, takes what providers say while they look; attend: is told who is asked.
    """

    def __init__(
        self,
        archive: Callable[[], Archive],
        parallelism: int = 10,
        silence: float = SILENCE,
        equipment: Equipment | None = None,
    ) -> None:
        self._build = archive
        self._built: Archive | None = None
        self.equipment = equipment
        self.parallelism = parallelism
        self.silence = silence
        self.withheld: set[str] = set()
        self.reveal: Callable[[Json], Json] = lambda value: value
        self.overhear: Callable[[str], Listener] | None = None
        self.attend: Attend | None = None
        self._open: dict[str, HostSession] = {}
        self._coming: dict[str, tuple[Channel, Link]] = {}
        self._busy: set[str] = set()
        self._changed = threading.Condition()
        self._brought: set[str] = set()

    @property
    def archive(self) -> Archive:
        """What is shipped; built once, whichever thread is the first to ask for it."""
        with self._changed:
            self._built = self._built or self._build()
            return self._built

    def expect(self, hosts: Iterable[Host]) -> None:
        """Begin to reach those of `hosts` that can be asked for no password, as many as may be open.

        Connecting takes longer than what we have to do before we can use it. On a host nothing happens by that but the
        login; one that cannot be reached says so at its first visit. Those to which there is a link have it already.
        """
        held = {*self._held()}
        able = (
            host
            for host in hosts
            if host.transport == "ssh" and host.name not in held and "password" not in host.connection.get("become", {})
        )
        for host in islice(able, max(self.parallelism - len(held), 0)):
            found = channel(host, self.withheld, self.reveal)
            with contextlib.suppress(OSError, ValueError):
                self._coming[host.name] = found, Link.start(found.argv, found.environment)

    @contextlib.contextmanager
    def visit(self, host: Host, arrive: Arrive | None = None) -> Iterator[HostSession]:
        """The session with `host`; one that had to be opened is handed to `arrive` first. Raises Refused.

        Whoever visits a host waits until nobody else does, and until there is room.
        """
        session = self._take(host.name)
        try:
            if session is None:
                session = self._started(host, arrive)
            yield session
        finally:
            with self._changed:
                self._busy.discard(host.name)
                self._changed.notify_all()

    def _started(self, host: Host, arrive: Arrive | None) -> HostSession:
        with self._changed:
            coming = self._coming.pop(host.name, None)
        way, link = coming or (channel(host, self.withheld, self.reveal), None)
        session = HostSession.start(host, way, self.archive, self.silence, link)
        if self.overhear is not None:
            session.overhear = self.overhear(host.name)
        with self._changed:
            self._open[host.name] = session
        try:
            if arrive is not None:
                arrive(session)
        except BaseException:
            with self._changed:
                del self._open[host.name]
            session.kill()
            raise
        return session

    def _take(self, name: str) -> HostSession | None:
        """The open session, None where one is to be opened, for which there is room then."""
        with self._changed:
            self._changed.wait_for(lambda: name not in self._busy and (name in self._held() or self._has_room()))
            self._busy.add(name)
            session = self._open.pop(name, None)
            if session is not None and not session.is_over:
                self._open[name] = session  # the one used last stands last
                return session
            is_full = len(self._held() | self._busy) > self.parallelism
            spare = self._spare() if is_full else None
        for unwanted in (session, spare):
            if unwanted is not None:
                unwanted.close()
        return None

    def _held(self) -> AbstractSet[str]:
        """Hosts to which there is a link."""
        return self._open.keys() | self._coming.keys()

    def _has_room(self) -> bool:
        """True where one more can be opened, if need be for another one that nobody works with."""
        return len(self._held() | self._busy) < self.parallelism or bool(self._held() - self._busy)

    def _spare(self) -> HostSession | Link:
        """Let go of the one that was used the longest time ago, or never."""
        idle = next((other for other in self._open if other not in self._busy), None)
        if idle is not None:
            return self._open.pop(idle)
        return self._coming.pop(next(other for other in self._coming if other not in self._busy))[1]

    def drop(self, name: str) -> None:
        """End the session with a host that nobody visits; the next visit opens a new one."""
        with self._changed:
            session = self._open.pop(name, None)
        if session is not None:
            session.kill()
            session.close()

    def equip(self, session: HostSession, kinds: Iterable[str]) -> None:
        """Bring the third-party providers of `kinds` to a host that is being visited. Raises Refusal or Refused."""
        if self.equipment is None:
            return
        for provider in sorted({found for kind in kinds if (found := self.equipment.provider(kind)) is not None}):
            if provider not in session.equipped:
                session.provide(self.equipment.bundle(provider), self.equipment.configure(provider))
                session.equipped.add(provider)
                self._brought.add(provider)

    def code(self) -> dict[str, str]:
        """Third-party providers that were brought to any host, with the digest of their code."""
        return {
            name: self.equipment.bundle(name).digest for name in sorted(self._brought) if self.equipment is not None
        }

    def each(
        self, hosts: Iterable[str], work: Callable[[str], T], parallelism: int | None = None
    ) -> Mapping[str, T | Refused]:
        """`work` for every host, side by side; a host that refuses is its own answer and stops nobody else."""
        names = sorted(hosts)
        answered = bool if self.attend is None else self.attend(names)

        def ask(name: str) -> T | Refused:
            try:
                return _caught(work, name)
            finally:
                answered(name)

        if len(names) <= 1:
            return {name: ask(name) for name in names}
        from concurrent.futures import ThreadPoolExecutor  # hosts are on their way by now; one alone does without it

        with ThreadPoolExecutor(parallelism or self.parallelism) as pool:
            try:
                return dict(zip(names, pool.map(ask, names), strict=True))
            except BaseException:  # Ctrl-C, or a bug of ours: nobody reads the other hosts' answers any more
                pool.shutdown(wait=False, cancel_futures=True)
                self.kill()
                raise

    def cancel(self) -> None:
        """Ask every runner to finish the step in hand and start none."""
        for session in list(self._open.values()):
            try:
                session.cancel()
            except Refused:
                continue

    def kill(self) -> None:
        """End every channel at once."""
        for session in list(self._open.values()):
            session.kill()
        self._forget_coming()

    def close(self) -> None:
        """End every session in peace; whoever visits a host afterwards gets a new one."""
        self._forget_coming()
        with self._changed:
            leaving = list(self._open.values())
            self._open.clear()
        for session in leaving:
            session.leave()  # all of them first, so that none waits for the end of another
        for session in leaving:
            session.close()

    def leave(self) -> None:
        """Tell every host that nothing more is asked of it, without waiting until it has gone: `close` does."""
        for session in list(self._open.values()):
            session.leave()

    def _forget_coming(self) -> None:
        while self._coming:
            self._coming.popitem()[1][1].kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):  # Ctrl-C: nobody waits for what is being looked at
            self.kill()
        self.close()


def _caught(work: Callable[[str], T], name: str) -> T | Refused:
    try:
        return work(name)
    except Refused as error:
        return error
