"""The runner's loop for one lane of one run: observe, compare, intent, effect, observe, outcome; batch by batch.

A batch shares one commit of its intents and one of its outcomes. What was begun before a crash is not begun again:
effects answer under the same key, and observed things decide by what they are.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from aivp_contract import diff
from aivp_contract.diff import Decision
from aivp_contract.observation import Observation, read_observation
from aivp_contract.values import Json

from .hosting import Hosting
from .store import HostStore, Outcome, identity_text

Step = Mapping[str, Json]
Report = Callable[[Dict[str, Json]], None]

BOOKKEEPING = frozenset({"adopt", "forget", "move"})
"""Actions whose whole effect is what we remember."""


@dataclass
class _Work:
    """One step on its way through a batch."""

    step: Step
    attempt: int = 1
    was_begun: bool = False
    seen: Optional[Observation] = None
    decision: Decision = field(default_factory=lambda: Decision("no-op"))
    action: str = ""
    outputs: Dict[str, Json] = field(default_factory=dict)
    absorbs: bool = False
    error: Optional[Dict[str, Json]] = None
    status: str = ""
    residual: Tuple[Json, ...] = ()
    computed: Dict[str, Json] = field(default_factory=dict)
    after: Optional[str] = None


class Lane:
    """Executes the steps of one run on this host. `owner` is (project, environment, lineage)."""

    def __init__(self, hosting: Hosting, store: HostStore, run: str, owner: Tuple[str, str, str], report: Report) -> None:
        self.hosting = hosting
        self.store = store
        self.run = run
        self.owner = owner
        self.report = report
        self.journal = store.journal(run)
        self.broken: Set[str] = set()
        self.pending = set(store.pending(*owner[:2]))

    def execute(self, batch: Sequence[Step]) -> None:
        """Bring one batch to its outcomes; every outcome is reported once it is durable."""
        works = [self._begin(step) for step in batch]
        self._observe([work for work in works if not work.status])
        for work in works:
            if not work.status:
                self._judge(work)
        acting = [work for work in works if not work.status]
        while acting:
            self.store.intend(self.run, [(work.step["id"], work.attempt, work.action) for work in acting])
            self._act([work for work in acting if work.action not in BOOKKEEPING])
            self._verify([work for work in acting if work.error is None and work.action not in BOOKKEEPING])
            acting = self._again(acting)
        self._conclude(works)

    def _begin(self, step: Step) -> _Work:
        entry = self.journal.get(step["id"])
        work = _Work(step, action=step["action"])
        if entry is not None and entry["status"] in ("intent", "done"):
            work.attempt, work.was_begun = entry["attempt"], True
        elif entry is not None:
            work.attempt = entry["attempt"] + 1
        if self.broken.intersection(step.get("waits_for", ())):
            work.status = "blocked"
        elif step["action"] == "refresh" and step["address"] not in self.pending and not step.get("fired"):
            work.status = "done" if work.was_begun and entry["status"] == "done" else "skipped"  # type: ignore[index]
        return work

    def _observe(self, works: Sequence[_Work]) -> None:
        asked = [work for work in works if work.action not in BOOKKEEPING]
        for work, answer in zip(asked, self.hosting.observe([_item(work.step) for work in asked])):
            if "error" in answer:
                work.status, work.error = "failed", answer["error"]
            else:
                work.seen = read_observation(answer["observation"])

    def _judge(self, work: _Work) -> None:
        """Hold what is there against what the plan expected, and settle what this step will do."""
        step = work.step
        if work.action in BOOKKEEPING or work.action == "refresh":
            return
        assert work.seen is not None
        kind = self.hosting.kind(step["kind"])
        if work.action == "delete":
            self._judge_delete(work, kind.shared)
            return
        work.decision = diff.decide(kind, step["config"], work.seen, step.get("prior"))
        if work.was_begun and kind.existence == "recorded":
            return
        if work.was_begun and work.decision.action == "no-op":
            self._no_effect(work, step["action"])
        elif work.was_begun or step.get("conditional"):
            self._judge_bounds(work)
        elif diff.managed_digest(kind, step["config"], work.seen) != step["expected"]:
            work.status, work.error = "stale", _error("stale", "it changed after the plan was checked")

    def _judge_delete(self, work: _Work, is_shared: bool) -> None:
        assert work.seen is not None
        if work.seen.observed is None:
            self._no_effect(work, "delete")
        elif is_shared and self._is_claimed_by_others(work.step):
            self._no_effect(work, "forget")

    def _is_claimed_by_others(self, step: Step) -> bool:
        return bool(self.store.others(step["kind"], identity_text(step["identity"]), *self.owner[:2]))

    def _judge_bounds(self, work: _Work) -> None:
        """A conditional step may become nothing, or a create or update within its fields; never anything else."""
        if work.decision.action == "no-op":
            self._no_effect(work, "no-op")
            return
        names = {change.path.split("/")[1] for change in work.decision.changes}
        beyond = sorted(names - set(work.step["bounds"]))
        if work.decision.action not in ("create", "update") or beyond:
            what = f"a {work.decision.action}" + (f" of {', '.join(beyond)}" if beyond else "")
            work.status, work.error = "stale", _error("stale", f"it would now take {what}, which the plan does not hold")
            return
        work.action = work.decision.action

    def _no_effect(self, work: _Work, action: str) -> None:
        assert work.seen is not None
        work.status, work.action = "done", action
        work.computed = dict(work.seen.computed)
        work.after = diff.managed_digest(self.hosting.kind(work.step["kind"]), work.step["config"], work.seen)

    def _act(self, works: Sequence[_Work]) -> None:
        """The effect. Kinds that form transactions get their batch whole, under one key."""
        groups: Dict[Tuple[str, str], List[_Work]] = {}
        for work in works:
            first = works[0].step["id"] if self.hosting.kind(work.step["kind"]).batch else work.step["id"]
            groups.setdefault((first, str(work.attempt)), []).append(work)
        for (first, attempt), group in groups.items():
            key = f"{self.run}/{first}/{attempt}"
            for work, answer in zip(group, self.hosting.apply([_change(work) for work in group], key)):
                self._take(work, answer)

    def _take(self, work: _Work, answer: Mapping[str, Any]) -> None:
        work.error = answer.get("error")
        if work.error is not None and work.error["class"] == "interrupted":
            if work.step.get("on_interrupt") == "accept":
                work.error = None
            return
        work.outputs = dict(answer.get("outputs", {}))
        work.absorbs = bool(answer.get("absorbs_refresh", False))

    def _verify(self, works: Sequence[_Work]) -> None:
        """Observe again: the effect must equal the prediction."""
        looking = [work for work in works if self.hosting.kind(work.step["kind"]).existence == "observed"]
        for work, answer in zip(looking, self.hosting.observe([_item(work.step) for work in looking])):
            if "error" in answer:
                work.error = answer["error"]
                continue
            seen = read_observation(answer["observation"])
            kind = self.hosting.kind(work.step["kind"])
            work.computed = dict(seen.computed)
            work.after = diff.managed_digest(kind, work.step["config"], seen)
            work.residual = _residual(work, diff.decide(kind, work.step["config"], seen, work.step["config"]), seen)
            if work.residual:
                fields = sorted({str(change["path"]) for change in work.residual})
                work.error = _error("unfulfilled", "after its effect these still differ: " + ", ".join(fields))

    def _again(self, works: Sequence[_Work]) -> List[_Work]:
        """The works that deserve another attempt, after a pause with full jitter."""
        again = [work for work in works if work.error is not None and self._may_retry(work)]
        if again:
            delays = [work.error.get("delay_ms", 1000 * 2**work.attempt) for work in again if work.error]
            time.sleep(random.random() * min(max(delays), 30_000) / 1000)
            for work in again:
                work.attempt += 1
                work.error = None
            self._observe(again)
            return [work for work in again if work.error is None]
        return []

    @staticmethod
    def _may_retry(work: _Work) -> bool:
        assert work.error is not None
        if work.error["class"] == "interrupted":
            return bool(work.step.get("on_interrupt") == "retry")
        return bool(work.attempt <= work.step.get("retries", 0))

    def _conclude(self, works: Sequence[_Work]) -> None:
        for work in works:
            if not work.status:
                work.status = "failed" if work.error is not None else "done"
            if work.status in ("failed", "blocked", "stale"):
                self.broken.add(work.step["id"])
        self.store.conclude(self.run, [self._outcome(work) for work in works])
        self.report({"outcomes": [_outcome_form(work) for work in works]})

    def _outcome(self, work: _Work) -> Outcome:
        step = work.step
        outcome = Outcome(step["id"], work.attempt, work.status, work.action, work.after)
        if work.status != "done":
            return outcome
        if work.action in ("delete", "forget"):
            outcome.release(self.owner, step["kind"], step["identity"])
            outcome.settle(self.owner, step["address"])
        elif "claim" in step:
            self._claim(outcome, work)
        if work.action in ("create", "update", "refresh") and step.get("notifies"):
            outcome.notify(self.owner, step["notifies"])
            self.pending.update(step["notifies"])
        if work.action == "refresh" or work.absorbs:
            outcome.settle(self.owner, step["address"])
            self.pending.discard(step["address"])
        return outcome

    def _claim(self, outcome: Outcome, work: _Work) -> None:
        step = work.step
        claim = {**step["claim"], "kind": step["kind"], "identity": step["identity"], "address": step["address"]}
        if work.action == "create":
            claim["provenance"] = "created"
        outcome.claim(self.owner, claim, self.store.keyed_digest(step["config"]))


def _residual(work: _Work, decision: Decision, seen: Observation) -> Tuple[Json, ...]:
    """Differences that are left after the effect; a provider that leaves any broke its word."""
    if work.action == "delete":
        return () if seen.observed is None else ({"op": "remove", "path": "", "before": "it still exists"},)
    if work.action == "refresh" or decision.action == "no-op":
        return ()
    return tuple(change.form() for change in decision.changes) or ({"op": "add", "path": "", "after": "nothing"},)


def _item(step: Step) -> Dict[str, Json]:
    item = {"id": step["id"], "kind": step["kind"], "config": step["config"]}
    return {**item, "prior": step["prior"]} if step.get("prior") is not None else item


def _change(work: _Work) -> Dict[str, Json]:
    assert work.seen is not None
    changes = [change.form() for change in work.decision.changes]
    return {**_item(work.step), "action": work.action, "seen": work.seen.form(), "changes": changes}


def _outcome_form(work: _Work) -> Dict[str, Json]:
    found: Dict[str, Json] = {"step": work.step["id"], "status": work.status, "action": work.action}
    found["attempt"] = work.attempt
    if work.status == "done":
        found["outputs"] = {**work.computed, **work.outputs}
        found["observed"] = work.after
        found["changes"] = [change.path for change in work.decision.changes]
    if work.residual:
        found["residual"] = list(work.residual)
    if work.error is not None:
        found["error"] = work.error
    return found


def _error(error_class: str, message: str) -> Dict[str, Json]:
    return {"class": error_class, "message": message}
