"""What evidence brings to light about secrets: one that reaches a field which others can see, and outputs that stay on
their host since secrets went in. Compile has told of all that the declaration alone shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aivp_contract.values import Json, Secret, Tagged, contains

from aivp.diagnostics import Diagnostics
from aivp.model.evidence import Evidence
from aivp.model.expression import Ref
from aivp.model.object import Object
from aivp.model.taint import names
from aivp.plan.bind import Bound, Kinds
from aivp.plan.steps import Step

ENDINGS = frozenset({"delete", "forget", "move"})
"""Actions that no secret is needed for: what is recorded of it has no value."""


def check_secrets(
    declared: Mapping[str, Bound],
    evidence: Evidence,
    rows: Mapping[str, Object],
    kinds: Kinds,
    diagnostics: Diagnostics,
) -> None:
    """Report both kinds of mistake, for resources that evidence had something to say about."""
    for address, item in declared.items():
        if item.attributes is not item.resource.attributes:
            _check_exposed(address, item, kinds, diagnostics)
        if not item.is_known:
            for ref in sorted(set(_refs(dict(item.attributes))), key=lambda ref: (ref.to, str(ref.path))):
                if _is_withheld(ref, declared, evidence, rows):
                    why = f"{address} refers to {ref.path[0]} of {ref.to}, which takes secrets: it stays on its host."
                    mend = "Let it write what others need into a file, or take the secret out."
                    diagnostics.error("AIVP0307", why, mend, address=address)


def used_secrets(steps: Sequence[Step]) -> list[str]:
    """Names of the secrets whose values these steps need, sorted."""
    return sorted({name for step in steps if step.action not in ENDINGS for name in names(dict(step.config))})


def _check_exposed(address: str, item: Bound, kinds: Kinds, diagnostics: Diagnostics) -> None:
    kind = kinds[item.resource.kind]
    for name in sorted(item.attributes):
        is_seen = name in kind.identity or (name in kind.fields and kind.fields[name].exposed)
        if is_seen and contains(item.attributes[name], (Secret,)):
            why = f"{address}.{name}: a secret stands where other users of the host can see it."
            mend = "Pass it in a way that nobody else sees, such as stdin or a file."
            diagnostics.error("AIVP0306", why, mend, address=address)


def _is_withheld(ref: Ref, declared: Mapping[str, Bound], evidence: Evidence, rows: Mapping[str, Object]) -> bool:
    """True where it is of something that takes secrets, and other outputs than this one are foreseen or recorded."""
    source, seen, row = declared.get(ref.to), evidence.seen.get(ref.to), rows.get(ref.to)
    if source is None or seen is None or seen.observation is None or not names(dict(source.attributes)):
        return False
    outputs = seen.observation.computed or (row.outputs if row is not None else {})
    return bool(outputs) and ref.path[0] not in outputs


def _refs(value: Json) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _refs(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _refs(item)
    elif isinstance(value, Tagged):
        yield from _refs(value.form())
