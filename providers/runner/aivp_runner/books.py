"""What became of a step → what this host remembers of it: claims, released ones, notifications raised and settled."""

from __future__ import annotations

from typing import Sequence

from aivp_contract import diff

from .outcome import Outcome, Owner, identity_text
from .store import HostStore
from .work import NOTHING, Step, Work


class Books:
    """Those of one run's owner: (project, environment, lineage). `pending`: addresses whose notification waits."""

    def __init__(self, store: HostStore, owner: Owner) -> None:
        self.store = store
        self.owner = owner
        self.pending = set(store.pending(*owner[:2]))

    def is_claimed_by_others(self, step: Step) -> bool:
        """True where another project or environment holds a claim on the thing that `step` is about."""
        return bool(self.store.others(step["kind"], identity_text(step["identity"]), *self.owner[:2]))

    def outcome(self, work: Work, is_begun: bool) -> Outcome:
        """The record of a step that has ended. is_begun: an intent was written for it in this session."""
        step = work.step
        has_begun = is_begun or work.begun is not None or work.status in ("done", "skipped")
        outcome = Outcome(step["id"], work.attempt, work.status, work.result if has_begun else NOTHING, work.after)
        if work.status != "done" and not work.has_come:
            return outcome
        if work.brought and step["identity"] != work.identity:
            outcome.release(self.owner, step["kind"], step["identity"])
        if work.status != "done":
            self._claim(outcome, work)
            return outcome
        if work.action in ("delete", "forget"):
            outcome.release(self.owner, step["kind"], step["identity"])
            outcome.settle(self.owner, step["address"])
        elif "claim" in step and not _leaves_nothing(work):
            self._claim(outcome, work)
        if step["action"] == "move" and step["previous"] in self.pending:
            outcome.settle(self.owner, step["previous"])
            self._notify(outcome, [step["address"]])
        if work.action in ("create", "update", "refresh"):
            self._notify(outcome, step.get("notifies", ()))
        if work.action == "refresh" or work.absorbs:
            outcome.settle(self.owner, step["address"])
            self.pending.discard(step["address"])
        return outcome

    def _notify(self, outcome: Outcome, addresses: Sequence[str]) -> None:
        outcome.notify(self.owner, addresses)
        self.pending.update(addresses)

    def _claim(self, outcome: Outcome, work: Work) -> None:
        step = work.step
        provenance = step["claim"]["created" if work.result == "create" else "found"]
        claim = {**step["claim"], "kind": step["kind"], "identity": work.identity, "address": step["address"]}
        if step["action"] == "move":  # it comes without its secrets
            claim["secret_key"] = self.store.secret_key(step["kind"], step["identity"], self.owner)
        outcome.claim(self.owner, {**claim, "provenance": provenance}, self.store.keyed_digest(step["config"]))


def _leaves_nothing(work: Work) -> bool:
    """True for what state has no row of either: never applied, and only looked at or notified."""
    if work.action not in ("no-op", "refresh") or work.step.get("prior") is not None:
        return False
    return work.step["action"] in ("no-op", "refresh") or diff.declares_absence(work.step["config"])
