"""A step as its host's runner gets it: inputs filled in, secrets with their values, claims and old values beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aivp.apply.progress import Progress
from aivp.model.expression import EXPRESSIONS
from aivp.plan.bind import Fill, Kinds, Render
from aivp.plan.steps import Step
from aivp_contract.normal import NotNormal, normal
from aivp_contract.values import Json, Secret, contains

Reveal = Callable[[Json], Json]

BOOKKEEPING = frozenset({"adopt", "forget", "move"})


class Unfilled(Exception):
    """An input that was to come from an earlier step did not come; the message names it."""


def fill(step: Step, progress: Progress, kinds: Kinds, render: Render) -> dict[str, Json]:
    """The step's config with every expression replaced, secrets by origin. Raises Unfilled."""
    config = dict(step.config)
    if not contains(config, EXPRESSIONS):
        return config
    filled = Fill(progress.resolve, render).attributes(config)
    missing = sorted(name for name, value in filled.items() if contains(value, EXPRESSIONS))
    if missing and step.action not in BOOKKEEPING:
        raise Unfilled(f"{', '.join(missing)} did not become known")
    try:
        return normal(kinds[step.kind].fields, filled)
    except NotNormal as error:
        raise Unfilled(str(error)) from None


def message(step: Step, config: Mapping[str, Json], progress: Progress, reveal: Reveal) -> dict[str, Json]:
    """The step for the wire; the values of its secrets travel in it and nowhere else."""
    row = progress.rows.get(step.previous or step.address)
    ending = step.action in ("delete", "forget", "move")
    sent = {name: v for name, v in config.items() if not contains(v, (Secret,))} if ending else reveal(dict(config))
    found: dict[str, Json] = {
        "id": step.id,
        "address": step.address,
        "kind": step.kind,
        "action": step.action,
        "config": sent,
        "identity": dict(step.identity),
        "expected": step.expected,
        "conditional": step.is_conditional,
        "bounds": list(step.bounds),
        "waits_for": [name for name in step.waits_for if name not in progress.ended],
        "notifies": list(step.notifies),
        "retries": step.meta.retries,
        "on_interrupt": step.meta.on_interrupt,
        "timeout": step.meta.timeout,
        "claim": {
            "provenance": step.provenance,
            "lifecycle": step.lifecycle.form(),
            "edges": list(step.edges),
        },
    }
    if row is not None and not (step.action == "create" and row.is_deposed):
        found["prior"] = dict(row.attributes)
    if step.action == "refresh":
        found["fired"] = any(name in progress.fired for name in step.waits_for)
    return found
