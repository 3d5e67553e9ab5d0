"""A step as its host's runner gets it: inputs filled in, secrets with their values, claims and old values beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aivp_contract.manifest import Kind
from aivp_contract.normal import normal
from aivp_contract.pointer import pointer
from aivp_contract.values import Json, Secret, contains

from aivp.apply.progress import Progress
from aivp.apply.record import comes_before, identity, provenance
from aivp.model import taint
from aivp.model.address import parse_address
from aivp.model.expression import EXPRESSIONS
from aivp.model.object import Object
from aivp.plan.bind import Fill, Kinds, Render
from aivp.plan.exposure import ENDINGS
from aivp.plan.fit import Fit
from aivp.plan.identity import is_same
from aivp.plan.steps import Step

Reveal = Callable[[Json], Json]

BOOKKEEPING = frozenset({"adopt", "forget", "move"})


class Unfilled(Exception):
    """An input that was to come from an earlier step did not come, or does not fit; `path` leads to the field."""

    def __init__(self, message: str, path: str, mend: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.mend = mend


def fill(step: Step, progress: Progress, kinds: Kinds, render: Render, fit: Fit) -> dict[str, Json]:
    """The step's config with every expression replaced, secrets by origin. Raises Unfilled."""
    config = dict(step.config)
    if not contains(config, EXPRESSIONS):
        return config
    filled = Fill(progress.resolve, render).attributes(config)
    missing = sorted(name for name, value in filled.items() if contains(value, EXPRESSIONS))
    if missing and step.action not in BOOKKEEPING:
        raise Unfilled(f"{', '.join(missing)} did not become known", pointer(missing[:1]))
    for item in fit.misfits(kinds[step.kind], config, filled):
        raise Unfilled(item.message, pointer(map(str, item.path)), item.mend)
    return normal(kinds[step.kind].fields, filled)


def opened(steps: Sequence[Step], configs: Mapping[str, Mapping[str, Json]], reveal: Reveal) -> list[dict[str, Json]]:
    """The configs of `steps` (by step id) with the values of their secrets, all opened at once: templates share a
    child.

    What ends needs no value, and may have lost its source: such fields stay behind. Raises Refused.
    """
    sent = [_without_secrets(configs[step.id]) if step.action in ENDINGS else dict(configs[step.id]) for step in steps]
    found: list[dict[str, Json]] = reveal(sent)
    return found


def known(step: Step) -> dict[str, Json]:
    """The part of a step's config that needs nothing from other steps."""
    return {name: value for name, value in step.config.items() if not contains(value, EXPRESSIONS)}


def message(step: Step, sent: Mapping[str, Json], progress: Progress, kinds: Kinds) -> dict[str, Json]:
    """The step for the wire with `sent`, its opened config; the values of its secrets travel in it and nowhere else."""
    kind = kinds.get(step.kind)
    row = _row(step, kind, progress)
    found: dict[str, Json] = {
        "id": step.id,
        "address": step.address,
        "kind": step.kind,
        "action": step.action,
        "config": dict(sent),
        "identity": identity(step, sent, row, kind),
        "expected": step.expected,
        "conditional": step.is_conditional or step.is_deferred,
        "bounds": list(step.bounds) or sorted({change.path.split("/")[1] for change in step.changes}),
        "waits_for": [name for name in step.waits_for if name not in progress.ended],
        "notifies": [name for name in step.notifies if _host(name) == step.host],
        "retries": step.meta.retries,
        "on_interrupt": step.meta.on_interrupt,
        "timeout": step.meta.timeout,
        "claim": {
            **_provenance(step, row, kind),
            "lifecycle": step.lifecycle.form(),
            "edges": list(step.edges),
            "tainted": taint.fields(sent, () if row is None else row.tainted),
            **_secret_key(step, progress),
        },
    }
    if row is not None and not (step.action == "create" and row.is_deposed):
        found["prior"] = dict(row.attributes)
        found["tainted"] = list(row.tainted)
    if step.previous is not None:
        found["previous"] = (row.registered if row is not None else "") or step.previous
    if step.action == "refresh":
        senders = (name for name in step.waits_for if progress.steps[name].host != step.host)
        found["fired"] = any(name in progress.fired for name in senders)
    return found


def _secret_key(step: Step, progress: Progress) -> dict[str, Json]:
    """The id of the project key, where generated secrets take part: whoever rebuilds a lost state needs that key."""
    used = [progress.generated[name] for name in taint.names(dict(step.config)) if name in progress.generated]
    return {"secret_key": used[0]} if used else {}


def _without_secrets(config: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in config.items() if not contains(value, (Secret,))}


def _host(address: str) -> str | None:
    """Where a receiver lives. Its own host remembers a notification; from another host it comes with the step."""
    parsed = parse_address(address)
    return None if parsed is None else parsed.host


def _row(step: Step, kind: Kind | None, progress: Progress) -> Object | None:
    """The object that `step` is about, where it is known; a move that has not been done yet has it elsewhere."""
    if step.is_of_deposed and step.address in progress.deposed:
        return progress.deposed[step.address]
    move = progress.steps.get(f"move:{step.address}", step)
    row = progress.rows.get(step.address) or progress.rows.get(move.previous or step.address)
    return None if row is None or _is_other_thing(row, step, kind, progress) else row


def _is_other_thing(row: Object, step: Step, kind: Kind | None, progress: Progress) -> bool:
    """True for what `step` does not speak of: it takes the place of `row`, which an earlier step ends."""
    if kind is None or step.action in ENDINGS:
        return False
    ends = f"delete:{step.address}", f"forget:{step.address}"
    if any(name in progress.steps and name not in progress.ended for name in ends) or comes_before(step, kind):
        return True
    return not contains(dict(step.identity), EXPRESSIONS) and not is_same(kind, row, step.identity)


def _provenance(step: Step, row: Object | None, kind: Kind | None) -> dict[str, Json]:
    """What the host notes down: where the step `created` the thing, and where it `found` it. As `record.rows` does."""
    return {"created": provenance(step, "create", row, kind), "found": provenance(step, "no-op", row, kind)}
