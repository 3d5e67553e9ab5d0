"""One step on its way through a lane: what was begun, what was seen, what it will do, what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional, Tuple

from aivp_contract.diff import Decision
from aivp_contract.manifest import Kind
from aivp_contract.observation import Observation
from aivp_contract.values import Json

Step = Mapping[str, Json]

NOTHING = "none"
"""The action that the journal notes for a step which ended before it began anything."""


@dataclass
class Work:
    """`begun`: the action for which there is an intent, of an earlier session or an earlier attempt.

    `is_open`: that intent is of the attempt in hand, so effects answer under its key. `is_under_way`: its effect may be
    half done; not where it ended, well or not, in an earlier session. `status` is empty until the step has ended;
    `action` is what a provider is asked for. `brought`: the identity that its create brought, where the provider
    assigns it. `is_made`: a create failed and left something. `came`: when it was taken up; `acted` and `ended`: its
    effect, with all its tries (monotonic seconds).
    """

    step: Step
    action: str
    attempt: int = 1
    tries: int = 1
    begun: Optional[str] = None
    is_open: bool = False
    is_under_way: bool = False
    seen: Optional[Observation] = None
    decision: Decision = field(default_factory=lambda: Decision("no-op"))
    outputs: Dict[str, Json] = field(default_factory=dict)
    brought: Dict[str, Json] = field(default_factory=dict)
    is_made: bool = False
    absorbs: bool = False
    error: Optional[Dict[str, Json]] = None
    status: str = ""
    residual: Tuple[Json, ...] = ()
    computed: Dict[str, Json] = field(default_factory=dict)
    after: Optional[str] = None
    came: float = 0.0
    acted: Optional[float] = None
    ended: Optional[float] = None

    @classmethod
    def of(cls, step: Step, entry: Optional[Mapping[str, Json]]) -> Work:
        """The step as its journal `entry` left it: an intent or outcome is taken up, a failure tried anew."""
        work = cls(step, step["action"])
        if entry is None:
            return work
        work.is_open = entry["status"] in ("intent", "done")
        work.is_under_way = entry["status"] == "intent"
        work.attempt = entry["attempt"] + (0 if work.is_open else 1)
        if entry["action"] not in (NOTHING, "no-op"):
            work.begun = entry["action"]
        return work

    @property
    def result(self) -> str:
        """The action as it is reported: what a broken run began to create and we completed was created."""
        return "create" if self.begun == "create" and self.action == "update" else self.action

    @property
    def has_come(self) -> bool:
        """True where its create failed, and yet there is something now: who forgot it would take it for found."""
        return self.status == "failed" and self.action == "create" and (self.is_made or bool(self.brought))

    @property
    def identity(self) -> Dict[str, Json]:
        """Which real thing it is about, as far as that is known by now."""
        return {**self.step["identity"], **self.brought}

    def again(self) -> None:
        """Ready for the next attempt, under a key of its own."""
        self.begun = self.result
        self.is_open = False
        self.is_under_way = True
        self.attempt += 1
        self.tries += 1
        self.error = None
        self.residual = ()

    def stale(self, message: str) -> None:
        """End it without an effect: the world is not what the plan was made for."""
        self.status, self.error = "stale", {"class": "stale", "message": message}

    def item(self) -> Dict[str, Json]:
        """As an `observe` request asks about it."""
        found = {name: self.step[name] for name in ("id", "kind", "config", "prior", "tainted") if name in self.step}
        return {**found, "identity": self.identity}

    def change(self, kind: Kind) -> Dict[str, Json]:
        """As an `apply` request asks for it. What is created gets a new id, whatever the thing before it had."""
        assert self.seen is not None
        changes = [change.form() for change in self.decision.changes]
        identity = kind.declared_identity(self.identity) if self.action == "create" else self.identity
        asked = {"identity": identity, "action": self.action, "seen": self.seen.form(), "changes": changes}
        return {**self.item(), **asked}

    def outcome_form(self, since: float) -> Dict[str, Json]:
        """As the engine is told of it; times in milliseconds since `since`."""
        found: Dict[str, Json] = {"step": self.step["id"], "status": self.status, "action": self.result}
        found["attempt"] = self.attempt
        times = [self.came, *((self.acted, self.ended) if self.acted and self.ended else ())]
        found["times"] = [max(round((time - since) * 1000), 0) for time in times]
        if self.status == "done":
            found["outputs"] = {**self.computed, **self.outputs, **self.brought}
            found["observed"] = self.after
            found["changes"] = [change.path for change in self.decision.changes]
        elif self.has_come:
            found["made"] = True
            found["outputs"] = {**self.computed, **self.outputs, **self.brought}
        if self.residual:
            found["residual"] = list(self.residual)
        if self.error is not None:
            found["error"] = self.error
        return found
