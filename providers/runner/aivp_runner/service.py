"""The runner's requests, each a method: hello, observe, begin, apply, execute, end, list, upgrade, health and so on.

The engine is the only caller. Long answers travel as notifications of a bounded size before the result.
"""

from __future__ import annotations

import os
import queue
import time
from pathlib import Path
from typing import AbstractSet, Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from aivp_contract.canonical import encode
from aivp_contract.manifest import read_manifest
from aivp_contract.values import Json
from aivp_sdk import ProviderError, records
from aivp_sdk.process import Session

from . import facts, health, lock, needs, oneoff
from .arrival import Piece
from .blobs import Blobs
from .child import Gone
from .conversation import Program
from .external import External
from .faults import Broken, Refused
from .hosting import Hosting
from .installed import Files, Installation, NotInstalled, choose
from .lane import InHand, Lane
from .outcome import Owner, identity_text
from .room import trouble
from .staging import blobs_of
from .store import HostStore

Notify = Callable[[str, Json], None]

CHUNK = 1024 * 1024
"""Bytes of answers in one notification, about."""


class Refusal(Exception):
    """The host says no. `code` is for the engine, the rest is said to people."""

    def __init__(self, code: str, **details: Json) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


class Service:
    """One session of one engine with this host."""

    def __init__(self, base: Optional[Path], session: Session, notify: Notify) -> None:
        self.base = base
        self.session = session
        self.notify = notify
        self.hosting = Hosting({}, session)
        self.owner: Owner = ("", "", "")
        self.lane: Optional[Lane] = None
        self.store: Optional[HostStore] = None
        self.lock: Optional[int] = None
        self.installations: Dict[str, Installation] = {}
        self.is_cancelled: Callable[[], bool] = lambda: False
        self.pieces: queue.Queue[Optional[Piece]] = queue.Queue()

    def hello(self, project: str, environment: str, lineage: Optional[str], kinds: Mapping[str, str]) -> Json:
        """Who this host is and what it remembers of this project's environment. Changes nothing."""
        self.owner = (project, environment, lineage or "")
        self.hosting.packages = kinds
        store = self._reading()
        try:
            return {
                "facts": facts.gather(),
                "incarnation": facts.incarnation(),
                "lineages": store.lineages(project, environment),
                "pending": store.pending(project, environment),
                "trouble": trouble(self.base),
            }
        finally:
            store.close()

    def observe(self, items: List[Dict[str, Json]]) -> Json:
        """Observations of `items` = [{id, kind, config, prior?, identity}], streamed as `observed` notifications."""
        store = self._reading()
        try:
            answers = self.hosting.observe(items)
            if store.has_claims():
                for item, answer in zip(items, answers):
                    if self.hosting.kind(item["kind"]).placement == "controller":
                        continue  # its thing is not on this machine: another project may mean another API by that name
                    others = store.others(item["kind"], identity_text(item["identity"]), *self.owner[:2])
                    if others:
                        answer["claims"] = others
        finally:
            store.close()
        return {"items": self._in_chunks("observed", answers)}

    def begin(self, run: str, plan: str, resume: bool, over: Sequence[str], content: int = 0) -> Json:
        """Take the host's lock and open the run; its journal comes back as a list of [step, status].

        over: runs that the engine knows to have ended; content: bytes of the largest blob that is to come.
        Raises Refusal: locked, open-run, lineage, busy, no-room or no-state.
        """
        self._take_lock(run, resume)
        try:
            self._open_run(run, plan, frozenset(over), content)
        except BaseException:
            self._close()
            raise
        assert self.lane is not None
        entries = [[step, entry["status"]] for step, entry in sorted(self.lane.journal.items())]
        return {"journal": self._in_chunks("journal", entries)}

    def _open_run(self, run: str, plan: str, over: AbstractSet[str], content: int) -> None:
        assert self.base is not None
        assert self.session.shim is not None
        blobs = Blobs(self.base / "blobs", self._want, self.pieces, self._is_cancelled)
        blobs.prune()
        lack = blobs.lacks(content) if content else 0
        if lack:
            raise Refusal("no-room", folder=str(blobs.folder), lack=lack)
        self.store = HostStore.open(self.base / "host.db")
        self._check_owner(run, over)
        self._settle_effects(run)
        self.store.begin(run, self.owner, plan, over)
        self.session.shim.folder = self.base / "effects" / run
        self.lane = Lane(
            self.hosting,
            self.store,
            run,
            self.owner,
            lambda report: self.notify("outcomes", report),
            self._is_cancelled,
            blobs,
        )

    def lasting(self) -> Optional[InHand]:
        """The steps that are being worked on, for whoever watches from another thread."""
        lane = self.lane
        return None if lane is None else lane.in_hand

    def _want(self, pieces: List[List[Json]]) -> None:
        self.notify("wanted", {"pieces": pieces})

    def apply(self, batches: List[List[Mapping[str, Json]]]) -> Json:
        """Execute batches in order; stops between two of them when cancelled."""
        assert self.lane is not None
        self.lane.since = time.monotonic()
        if self.lane.blobs is not None:
            self.lane.blobs.expect(blob for batch in batches for step in batch for blob in blobs_of(step))
        for index, batch in enumerate(batches):
            if self.is_cancelled():
                return {"left": sum(len(rest) for rest in batches[index:])}
            self.lane.execute(batch)
        return {"left": 0}

    def execute(self, step: str, argv: List[str], timeout: Optional[float]) -> Json:
        """A command that no declaration knows, in the run that is open: see `oneoff.execute`."""
        assert self.lane is not None
        assert self.store is not None
        return oneoff.execute(self.store, self.session, self.lane.run, self.owner, step, argv, timeout)

    def end(self, run: str, status: str) -> Json:
        """Close the run: its records of effects go, the lock is given back. Nothing to do where it was never begun."""
        if self.store is not None and self.base is not None:
            records.forget(self.base / "effects" / run)
            self.hosting.forget(run)
            self.store.end(run, status)
            if self.lane is not None and self.lane.blobs is not None and status != "failed":
                self.lane.blobs.clear()
        self._close()
        return {}

    def health(self) -> Json:
        """How this host can be worked on: its clock, and where the journal is. Leaves nothing behind."""
        return health.look(self.base)

    def needs(self, asked: List[Dict[str, Json]]) -> Json:
        """What there is here of what kinds need: see `needs.look`. Changes nothing."""
        return needs.look(asked, self.base, self.session)

    def claims(self, kind: str, identities: List[Mapping[str, Json]]) -> Json:
        """Who claims each of these here: lists of {project, environment, address}."""
        store = self._reading()
        try:
            return {"claims": [store.others(kind, identity_text(identity), "", "") for identity in identities]}
        finally:
            store.close()

    def remembered(self) -> Json:
        """Every claim of this project's environment."""
        store = self._reading()
        try:
            return {"claims": self._in_chunks("claims", store.registry(*self.owner[:2]))}
        finally:
            store.close()

    def recall(self, items: Sequence[Mapping[str, Json]]) -> Json:
        """For `items` = [{kind, identity, config}]: true where exactly that declaration was last applied here."""
        store = self._reading()
        try:
            return {"matches": [store.is_last_applied(item, self.owner) for item in items]}
        finally:
            store.close()

    def rebuild(self, lineage: str) -> Json:
        """A new lineage takes over every claim of this project's environment.

        Raises Refusal: locked, busy or no-state.
        """
        self._take_lock("", resume=False)
        try:
            assert self.base is not None
            self.store = HostStore.open(self.base / "host.db")
            self._settle_effects("")
            self.store.adopt_lineage(*self.owner[:2], lineage)
        finally:
            self._close()
        return {}

    def list(self, kind: str, within: Mapping[str, Json]) -> Json:
        """Everything of a kind that exists here: `{id, identity, attributes, name?, note?}`.

        Raises Refusal: unlisted (the provider says why it cannot), provider (it does not work as it should).
        """
        try:
            return {"items": self._in_chunks("listed", self.hosting.list(kind, within))}
        except (Refused, ProviderError) as error:
            mend = getattr(error, "mend", None)
            raise Refusal("unlisted", name=kind, why=str(error), **({"mend": mend} if mend else {})) from None
        except (Broken, Gone) as error:
            raise Refusal("provider", name=self.hosting.kind(kind).provider, why=str(error)) from None

    def upgrade(self, items: List[Dict[str, Json]]) -> Json:
        """Recorded attributes in today's form, for `items` = [{id, kind, version, attributes}]."""
        return {"items": self._in_chunks("upgraded", self.hosting.upgrade(items))}

    def provider(
        self, manifest: Json, start: Mapping[str, List[str]], files: Files, configuration: Mapping[str, Json]
    ) -> Json:
        """A third-party provider for this session. `missing`: paths that must be staged first, then ask again.

        Raises Refusal: provider, no-state.
        """
        if self.base is None:
            raise Refusal("no-state")
        described = read_manifest(manifest)
        try:
            installation = Installation(self.base, files, choose(start))
            waiting = self.installations.pop(described.name, None)
            if waiting is not None:
                waiting.finish()
            missing = installation.missing()
            directory = self.base / "work" / described.name
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (NotInstalled, OSError) as error:
            raise Refusal("provider", name=described.name, why=str(error)) from None
        if missing:
            self.installations[described.name] = installation
        else:
            program = Program(described, installation.complete_argv(), str(directory), configuration)
            self.hosting.add(External(program, self.notify, self._is_cancelled))
        return {"missing": missing}

    def stage(self, provider: str, chunks: Sequence[Tuple[str, str, bool]]) -> Json:
        """Some bytes of files of a provider: path, base64, whether they are its first. Raises Refusal: provider."""
        try:
            for path, data, is_first in chunks:
                self.installations[provider].take(path, data, is_first=is_first)
        except (NotInstalled, OSError, KeyError, ValueError) as error:
            raise Refusal("provider", name=provider, why=str(error)) from None
        return {}

    def close(self) -> None:
        """The session is over."""
        self.hosting.close()

    def _reading(self) -> HostStore:
        return HostStore.read_only(self.base / "host.db" if self.base else Path("/nonexistent/host.db"))

    def _is_cancelled(self) -> bool:
        return self.is_cancelled()

    def _in_chunks(self, method: str, items: Iterable[Json]) -> List[Json]:
        """Hand all but the last of `items` on as notifications of a bounded size; the rest comes back."""
        chunk: List[Json] = []
        size = 0
        for item in items:
            chunk.append(item)
            size += len(encode(item))
            if size > CHUNK:
                self.notify(method, {"items": chunk})
                chunk, size = [], 0
        return chunk

    def _take_lock(self, run: str, resume: bool) -> None:
        """Take the host's lock. Raises Refusal: locked or no-state."""
        if self.base is None:
            raise Refusal("no-state")
        self.lock = lock.take(self.base / "lock", run, resume, self._is_cancelled)
        if self.lock is None:
            raise Refusal("locked")

    def _check_owner(self, run: str, over: AbstractSet[str]) -> None:
        assert self.store is not None
        project, environment, lineage = self.owner
        if any(found != lineage for found in self.store.lineages(project, environment)):
            raise Refusal("lineage")
        for other in self.store.open_runs():
            is_same = (other["project"], other["environment"], other["lineage"]) == self.owner
            if is_same and other["run"] != run and other["run"] not in over:
                raise Refusal("open-run", run=other["run"])

    def _settle_effects(self, run: str) -> None:
        """What a dead run still has at work must end first: our own is waited for, another's refuses us.

        Records of runs that are over are let go.
        """
        assert self.base is not None
        assert self.store is not None
        effects = self.base / "effects"
        open_runs = {found["run"] for found in self.store.open_runs()}
        for folder in sorted(effects.iterdir()) if effects.is_dir() else ():
            if folder.name == run:
                records.wait(folder)
            elif records.is_busy(folder):
                raise Refusal("busy", run=folder.name)
            elif folder.name not in open_runs:
                records.forget(folder)

    def _close(self) -> None:
        self.lane = None
        if self.store is not None:
            self.store.close()
            self.store = None
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


def refusal_form(refusal: Refusal) -> Dict[str, Any]:
    """A refusal as a JSON-RPC error object."""
    return {"code": 1, "message": refusal.code, "data": refusal.details}
