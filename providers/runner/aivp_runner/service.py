"""The runner's requests, each a method: hello, observe, begin, apply, end, list. The engine is the only caller."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from aivp_contract.canonical import encode
from aivp_contract.values import Json
from aivp_sdk import shim
from aivp_sdk.process import HostSession

from . import facts
from .hosting import Hosting
from .lane import Lane
from .store import HostStore, identity_text

Notify = Callable[[str, Json], None]

CHUNK = 1024 * 1024
"""Bytes of answers in one `observed` notification, about."""


class Refusal(Exception):
    """The host says no. `code` is for the engine, the rest is said to people."""

    def __init__(self, code: str, **details: Json) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


class Service:
    """One session of one engine with this host."""

    def __init__(self, base: Optional[Path], session: HostSession, notify: Notify) -> None:
        self.base = base
        self.session = session
        self.notify = notify
        self.hosting = Hosting({}, session)
        self.owner: Tuple[str, str, str] = ("", "", "")
        self.lane: Optional[Lane] = None
        self.store: Optional[HostStore] = None
        self.lock: Optional[int] = None
        self.is_cancelled: Callable[[], bool] = lambda: False

    def hello(self, project: str, environment: str, lineage: Optional[str], kinds: Mapping[str, str]) -> Json:
        """Who this host is and what it remembers of this project's environment. Changes nothing."""
        self.owner = (project, environment, lineage or "")
        self.hosting = Hosting(kinds, self.session)
        store = self._reading()
        try:
            return {
                "facts": facts.gather(),
                "incarnation": facts.incarnation(),
                "lineages": store.lineages(project, environment),
                "registry": store.registry(project, environment),
                "pending": store.pending(project, environment),
                "open_runs": store.open_runs(),
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
                    others = store.others(item["kind"], identity_text(item["identity"]), *self.owner[:2])
                    if others:
                        answer["claims"] = others
        finally:
            store.close()
        chunk: List[Json] = []
        size = 0
        for answer in answers:
            chunk.append(answer)
            size += len(encode(answer))
            if size > CHUNK:
                self.notify("observed", {"items": chunk})
                chunk, size = [], 0
        return {"items": chunk}

    def begin(self, run: str, plan: str, resume: bool) -> Json:
        """Take the host's lock and open the run. Raises Refusal: locked, open-run, lineage, busy or no-state."""
        if self.base is None:
            raise Refusal("no-state")
        self._take_lock()
        self.store = HostStore.open(self.base / "host.db")
        self._check_owner(run, resume)
        self._settle_effects(run, resume)
        epoch = self.store.begin(run, *self.owner, plan)
        assert self.session.shim is not None
        self.session.shim.folder = self.base / "effects" / run
        self.lane = Lane(self.hosting, self.store, run, self.owner, lambda report: self.notify("outcomes", report))
        return {"epoch": epoch, "journal": self.lane.journal, "pending": sorted(self.lane.pending)}

    def apply(self, batches: List[List[Mapping[str, Json]]]) -> Json:
        """Execute batches in order; stops between two of them when cancelled."""
        assert self.lane is not None
        for index, batch in enumerate(batches):
            if self.is_cancelled():
                return {"left": sum(len(rest) for rest in batches[index:])}
            self.lane.execute(batch)
        return {"left": 0}

    def end(self, run: str, status: str) -> Json:
        """Close the run: its records of effects go, the lock is given back."""
        assert self.store is not None and self.base is not None
        self.store.end(run, status)
        shim.forget(self.base / "effects" / run)
        self._close()
        return {}

    def rebuild(self, lineage: str) -> Json:
        """A new lineage takes over every claim of this project's environment."""
        if self.base is None:
            raise Refusal("no-state")
        self._take_lock()
        store = HostStore.open(self.base / "host.db")
        try:
            store.adopt_lineage(*self.owner[:2], lineage)
        finally:
            store.close()
            self._close()
        return {}

    def list(self, kind: str) -> Json:
        """Everything of a kind that exists here."""
        return {"items": self.hosting.list(kind)}

    def _reading(self) -> HostStore:
        return HostStore.read_only(self.base / "host.db" if self.base else Path("/nonexistent/host.db"))

    def _take_lock(self) -> None:
        assert self.base is not None
        descriptor = os.open(self.base / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Refusal("locked") from None
        self.lock = descriptor

    def _check_owner(self, run: str, resume: bool) -> None:
        assert self.store is not None
        project, environment, lineage = self.owner
        strangers = [found for found in self.store.lineages(project, environment) if found != lineage]
        if strangers:
            raise Refusal("lineage")
        for other in self.store.open_runs():
            same = (other["project"], other["environment"], other["lineage"]) == self.owner
            if other["run"] != run and same:
                raise Refusal("open-run", run=other["run"])

    def _settle_effects(self, run: str, resume: bool) -> None:
        """What a dead run still has at work must end first: our own is waited for, another's refuses us."""
        assert self.base is not None
        effects = self.base / "effects"
        if not effects.is_dir():
            return
        for folder in sorted(effects.iterdir()):
            if folder.name == run:
                shim.wait(folder)
            elif shim.is_busy(folder):
                raise Refusal("busy", run=folder.name)

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
