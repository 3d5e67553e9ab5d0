"""What a provider listed of a kind: things that exist, as declarations that would change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from aivp_contract.manifest import Kind
from aivp_contract.values import Json

from aivp.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Discovered:
    """One thing. `name`: what people would call it, or empty; `note`: what they should know of it, or empty."""

    identity: Mapping[str, Json]
    attributes: Mapping[str, Json]
    name: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What exists of a kind on a host, and is neither declared nor in state.

    known: how many more are; taken: names that the project's resources of this kind have; warnings: what was left out.
    """

    kind: Kind
    host: str
    things: Sequence[Discovered]
    known: int = 0
    taken: AbstractSet[str] = frozenset()
    warnings: Sequence[Diagnostic] = ()
