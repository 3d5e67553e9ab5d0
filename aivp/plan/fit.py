"""Values that became known after compile → what of them does not fit its kind, in the words of compile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aivp_contract import values
from aivp_contract.manifest import Kind
from aivp_contract.normal import NotNormal, normal_value
from aivp_contract.values import Json, contains

from aivp.model.expression import EXPRESSIONS, Fact, Ref, Template, Text
from aivp.plugins.suggestion import listing
from aivp.plugins.validate import Validator
from aivp.plugins.wording import Violation


class Fit:
    """The schemas of kinds, each compiled when it is first needed."""

    def __init__(self) -> None:
        self._validator = Validator()

    def misfits(self, kind: Kind, declared: Mapping[str, Json], filled: Mapping[str, Json]) -> tuple[Violation, ...]:
        """Objections to the values of `filled` that `declared` had left to expressions. What is not known yet fits."""
        late = {name for name, value in declared.items() if name in filled and contains(value, EXPRESSIONS)}
        found = [item for item in self._validator.check(kind, filled) if item.path and item.path[0] in late]
        for name in sorted(late - {item.path[0] for item in found}):
            try:
                normal_value(kind.fields[name], filled[name])
            except NotNormal as error:
                found.append(Violation((name,), f"{error}."))
        return tuple(replace(item, mend=_whence(declared[str(item.path[0])], item.mend)) for item in found)


def _whence(value: Json, mend: str) -> str:
    """Where a value comes from that nobody wrote down."""
    sources: set[str] = set()
    _gather(value, sources)
    return f"It comes from {listing(sources)}." + (f" {mend}" if mend else "")


def _gather(value: Json, sources: set[str]) -> None:
    match value:
        case Ref():
            sources.add(".".join((value.to, *map(str, value.path))))
        case Fact():
            sources.add(".".join((value.host, "facts", *map(str, value.path))))
        case Text():
            _gather(list(value.parts), sources)
        case Template():
            _gather(dict(value.vars), sources)
        case _:
            values.replace(value, (Ref, Fact, Text, Template), lambda found: _gather(found, sources))
