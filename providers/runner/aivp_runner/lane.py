"""The runner's loop for one lane of one run: observe, compare, intent, effect, observe, outcome; batch by batch.

A batch shares one commit of its intents and one of its outcomes. What was begun before a crash is not begun again:
effects answer under the same key, and observed things decide by what they are.
"""

from __future__ import annotations

import random
import time
from typing import AbstractSet, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from aivp_contract import diff
from aivp_contract.canonical import encode
from aivp_contract.manifest import Kind
from aivp_contract.observation import read_observation
from aivp_contract.values import Json

from .blobs import Blobs
from .books import Books
from .hosting import Hosting
from .judging import judge
from .outcome import Owner
from .promises import blamed, broken_words, known, left_over
from .staging import blobs_of, handed, portions, stage
from .store import HostStore
from .work import Step, Work

Report = Callable[[Dict[str, Json]], None]

InHand = Tuple[float, Sequence[str]]
"""Since when (monotonic), and which steps."""

BOOKKEEPING = frozenset({"adopt", "forget", "move"})
"""Actions whose whole effect is what we remember."""

RETRIED = frozenset({"temporary", "rate_limited"})
"""Classes of errors that `meta.retries` is for; a third-party provider's have then been waited out for a while
(`patience.py`). All others would only fail again: what a provider calls permanent, its
bugs, and effects that did not bring about what it had predicted.
"""

LEFT = "left"
"""The status of a work that has no outcome: its intent, if it had come so far, stays open."""

KEEPING = frozenset({LEFT, "failed"})
"""How a work ends that may come again, so that its content stays for a while."""

REPORT = 1024 * 1024
"""Bytes of outcomes in one report, about."""

_POLL = 0.05
_LONGEST_BACKOFF = 30.0
_LONGEST_DELAY = 600.0


class Lane:
    """Executes the steps of one run on this host. `owner` is (project, environment, lineage).

    since: when the message in hand came; in_hand: what is being worked on, also read by another thread.
    """

    def __init__(
        self,
        hosting: Hosting,
        store: HostStore,
        run: str,
        owner: Owner,
        report: Report,
        is_cancelled: Callable[[], bool] = lambda: False,
        blobs: Optional[Blobs] = None,
    ) -> None:
        self.hosting = hosting
        self.store = store
        self.run = run
        self.owner = owner
        self.report = report
        self.is_cancelled = is_cancelled
        self.blobs = blobs
        self.journal = store.journal(run)
        self.broken: Set[str] = set()
        self.books = Books(store, owner)
        self.since = time.monotonic()
        self.in_hand: Optional[InHand] = None

    def execute(self, batch: Sequence[Step]) -> None:
        """Bring one batch to its outcomes; every outcome is reported once it is durable."""
        for portion in portions(batch):
            self._take_in_hand(step["id"] for step in portion)
            self._execute(portion)
        self.in_hand = None

    def _execute(self, batch: Sequence[Step]) -> None:
        works = [self._begin(step) for step in batch]
        acting = self._staged(self._prepared([work for work in works if not work.status]))
        begun: Set[str] = set()
        while acting:
            begun.update(work.step["id"] for work in acting)
            self._intend(acting)
            self._act([work for work in acting if work.action not in BOOKKEEPING])
            self._verify([work for work in acting if work.error is None and work.action not in BOOKKEEPING])
            acting = self._staged(self._again(acting))
        self._conclude(works, begun)
        if self.blobs is not None:
            self.blobs.used(blob for work in works if work.status not in KEEPING for blob in blobs_of(work.step))

    def _take_in_hand(self, steps: Iterable[str]) -> float:
        now = time.monotonic()
        self.in_hand = now, list(steps)
        return now

    def _begin(self, step: Step) -> Work:
        entry = self.journal.get(step["id"])
        work = Work.of(step, entry)
        work.came = time.monotonic()
        if self.broken.intersection(step.get("waits_for", ())):
            work.status = "blocked"
        elif step["action"] == "delete" and entry is not None and entry["status"] == "done":
            work.status, work.action = "done", entry["action"]  # what is there by now is somebody else's
        elif step["action"] == "refresh":
            if (
                entry is not None
                and entry["status"] == "done"
                and self.hosting.kind(step["kind"]).existence == "observed"
            ):
                work.status = "done"
            elif not work.is_open and step["address"] not in self.books.pending and not step.get("fired"):
                work.status = "skipped"
        return work

    def _prepared(self, works: Sequence[Work]) -> List[Work]:
        """Look at each; those that have an effect to bring about come back."""
        asked = [work for work in works if work.action not in BOOKKEEPING or self._is_to_be_learnt(work)]
        for work, answer in zip(asked, self.hosting.observe([work.item() for work in asked])):
            if work.action == "adopt":
                if "error" not in answer:
                    work.computed = known(read_observation(answer["observation"]).computed)
                continue
            if "error" in answer:
                work.error = answer["error"]
                work.status = LEFT if self._is_left(work) else "failed"
                continue
            work.seen = read_observation(answer["observation"])
            if work.action != "refresh":
                kind = self.hosting.kind(work.step["kind"])
                judge(work, kind, self.books.is_claimed_by_others)
        return [work for work in works if not work.status]

    def _is_to_be_learnt(self, work: Work) -> bool:
        """True for what is adopted and has outputs, such as the way into a VM: no effect will ever tell them."""
        return work.action == "adopt" and bool(self.hosting.kind(work.step["kind"]).computed)

    def _staged(self, works: Sequence[Work]) -> List[Work]:
        """Bring the content that `works` take to this host, before any intent: those that lack none come back."""
        if self.blobs is None:
            return list(works)
        stage(works, self.blobs)
        for work in works:
            if work.error is not None:
                work.status = LEFT if self._is_left(work) else "failed"
        return [work for work in works if not work.status]

    def _intend(self, works: Sequence[Work]) -> None:
        """One commit, before any effect. A notification from another host is kept here with it until it is done."""
        raised = [work.step["address"] for work in works if work.action == "refresh"]
        self.store.intend(
            self.run, [(work.step["id"], work.attempt, work.result) for work in works], self.owner, raised
        )
        self.books.pending.update(raised)

    def _act(self, works: Sequence[Work]) -> None:
        """The effect. Kinds that form transactions get their batch whole, under one key.

        Not where the provider assigns ids: nothing but the key tells a thing that is there from one to be made, so a
        key must stay the step's own, also where some of a batch have ended before the rest is asked for again.
        """
        groups: Dict[Tuple[str, int], List[Work]] = {}
        for work in works:
            kind = self.hosting.kind(work.step["kind"])
            first = works[0].step["id"] if kind.batch and not kind.assigned else work.step["id"]
            groups.setdefault((first, work.attempt), []).append(work)
        for (first, attempt), group in groups.items():
            key = f"{self.run}/{first}/{attempt}"
            timeouts: List[Any] = [work.step.get("timeout") for work in group]
            timeout = None if None in timeouts else max(timeouts)
            changes = [self._change(work) for work in group]
            now = self._take_in_hand(work.step["id"] for work in group)
            answers = self.hosting.apply(changes, key, timeout)
            for work, answer in zip(group, answers):
                work.acted, work.ended = work.acted or now, time.monotonic()
                self._take(work, answer, self.hosting.kind(work.step["kind"]))

    def _change(self, work: Work) -> Dict[str, Json]:
        change = work.change(self.hosting.kind(work.step["kind"]))
        return change if self.blobs is None else handed(work, change, self.blobs)

    def _take(self, work: Work, answer: Mapping[str, Any], kind: Kind) -> None:
        work.error = answer.get("error")
        if work.error is not None and work.error["class"] == "interrupted":
            if work.step.get("on_interrupt") == "accept":
                work.error = None
            return
        work.outputs = dict(answer.get("outputs", {}))
        work.absorbs = bool(answer.get("absorbs_refresh", False))
        if work.action == "create" and work.error is None and kind.assigned:
            work.brought = kind.assigned_ids(work.outputs)
            if missing := sorted(kind.assigned - set(work.brought)):
                work.error = blamed(kind, [(missing[0], "was not assigned: its outputs do not hold it")])

    def _verify(self, works: Sequence[Work]) -> None:
        """Observe again: the effect must equal the prediction."""
        looking = [work for work in works if self.hosting.kind(work.step["kind"]).existence == "observed"]
        for work, answer in zip(looking, self.hosting.observe([work.item() for work in looking])):
            if "error" in answer:
                work.error = answer["error"]
                continue
            seen = read_observation(answer["observation"])
            kind = self.hosting.kind(work.step["kind"])
            work.computed = known(seen.computed)
            work.after = diff.managed_digest(work.step["config"], seen)
            work.residual = left_over(work, diff.decide(kind, work.step["config"], seen, work.step["config"]), seen)
            fields = sorted({str(change["path"])[1:] for change in work.residual})
            broken = [(name, "is not as declared after the effect") for name in fields]
            broken = broken or broken_words(kind, work, seen)
            if broken:
                work.error = blamed(kind, broken)

    def _again(self, works: Sequence[Work]) -> List[Work]:
        """The works that deserve another attempt and still need it, after a pause: at least as long as the provider
        asks for, else a growing one with full jitter.
        """
        again = [work for work in works if work.error is not None and self._may_retry(work)]
        if not again:
            return []
        asked = max(work.error.get("delay_ms", 0) / 1000 for work in again if work.error)
        backoff = random.random() * min(2 ** max(work.tries for work in again), _LONGEST_BACKOFF)  # noqa: S311
        if not self._pause(min(asked, _LONGEST_DELAY) if asked else backoff):
            return []
        for work in again:
            work.again()
        return self._prepared(again)

    def _pause(self, seconds: float) -> bool:
        """Wait; False if there is to be no further attempt, since the run is being stopped."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.is_cancelled():
            time.sleep(min(_POLL, max(until - time.monotonic(), 0)))
        return not self.is_cancelled()

    @staticmethod
    def _may_retry(work: Work) -> bool:
        assert work.error is not None
        if work.error["class"] == "interrupted":
            return bool(work.step.get("on_interrupt") == "retry")
        return bool(work.error["class"] in RETRIED and work.tries <= work.step.get("retries", 0))

    def _is_left(self, work: Work) -> bool:
        """True where nothing is wrong but that the run is being stopped: whoever resumes it asks for the same again."""
        return work.error is not None and work.error["class"] == "canceled" and self.is_cancelled()

    def _look_at_remains(self, works: Sequence[Work]) -> None:
        """What a create made of a thing that was not there is ours, also where it failed half-way."""
        failed = [work for work in works if work.error is not None and work.acted and _was_to_come(work)]
        looking = [work for work in failed if self.hosting.kind(work.step["kind"]).existence == "observed"]
        for work, answer in zip(looking, self.hosting.observe([work.item() for work in looking])):
            if "error" not in answer:
                seen = read_observation(answer["observation"])
                work.is_made, work.computed = seen.observed is not None, known(seen.computed)

    def _conclude(self, works: Sequence[Work], begun: AbstractSet[str]) -> None:
        self._look_at_remains(works)
        for work in works:
            if not work.status:
                work.status = LEFT if self._is_left(work) else "failed" if work.error is not None else "done"
            if work.status in ("failed", "blocked", "stale", LEFT):
                self.broken.add(work.step["id"])
        works = [work for work in works if work.status != LEFT]
        self.store.conclude(self.run, [self.books.outcome(work, work.step["id"] in begun) for work in works])
        for outcomes in _portions([work.outcome_form(self.since) for work in works]):
            self.report({"outcomes": outcomes})


def _was_to_come(work: Work) -> bool:
    return work.action == "create" and work.seen is not None and work.seen.observed is None


def _portions(outcomes: Sequence[Dict[str, Json]]) -> Iterator[List[Dict[str, Json]]]:
    """Outcomes in messages of a bounded size."""
    portion: List[Dict[str, Json]] = []
    size = 0
    for outcome in outcomes:
        portion.append(outcome)
        size += len(encode(outcome))
        if size > REPORT:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
