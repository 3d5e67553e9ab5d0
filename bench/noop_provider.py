"""A provider that does nothing, served by the SDK: what it costs is the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aivp_sdk import Change, Done, Item, Kind, Observation, Provider, Session, attribute
from aivp_sdk.kind import Seen
from aivp_sdk.serve import serve


@dataclass
class Record:
    """About as much as a DNS record or a small file declares."""

    name: str = attribute("What it is called.", required=True)
    zone: str = attribute("Where it belongs.", required=True)
    type: str = attribute("What it is.")
    content: str = attribute("What it says.")
    ttl: int = attribute("For how long it may be kept.")
    comment: str = attribute("Why it is there.")
    owner: str = attribute("Whose it is.")
    mode: str = attribute("Who may read it.")


class RecordKind(Kind[Record]):
    """Is there already, exactly as declared."""

    name = "noop/record"
    schema = Record
    identity = ("zone", "name")

    def observe_many(self, items: Sequence[Item[Record]], session: Session) -> list[Seen]:
        """As declared."""
        return [Observation(vars(item.desired)) for item in items]

    def observe(self, item: Item[Record], session: Session) -> Observation:
        """As declared."""
        return Observation(vars(item.desired))

    def apply(self, change: Change[Record], session: Session) -> Done:
        """Nothing."""
        return Done()


PROVIDER = Provider("noop", "1", [RecordKind()])

if __name__ == "__main__":
    serve(PROVIDER)
