"""`noop`: an inert resource, real to the engine in every way but its effect. For measuring and for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional

from aivp_sdk import Change, Done, Item, Kind, Observation, Session, attribute


@dataclass
class Noop:
    """The declaration."""

    name: str = attribute("Tells it apart on its host.", required=True)
    triggers: Optional[Dict[str, str]] = attribute("A change of any of them is a change of it.", write_only=True)
    input: Optional[str] = attribute("Handed on as `output`.", write_only=True)
    output: Optional[str] = attribute("What `input` was when it was last applied.", computed=True)


class NoopKind(Kind[Noop]):
    """An inert resource that changes nothing."""

    name = "noop"
    schema = Noop
    identity = ("name",)
    identity_from_name = True
    existence = "recorded"
    phase = "command"
    batch = True
    platforms = ()

    def observe(self, item: Item[Noop], session: Session) -> Observation:
        """Nothing is there to be seen; `output` will be what `input` is."""
        return Observation(observed={"name": item.desired.name}, computed={"output": item.desired.input})

    def apply(self, change: Change[Noop], session: Session) -> Done:
        """Does nothing and says what `output` is now."""
        return Done({"output": change.desired.input})
