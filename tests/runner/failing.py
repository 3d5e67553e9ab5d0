"""A provider whose only kind fails as its declaration asks it to, and counts its attempts in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aivp_sdk import Change, Done, Item, Kind, Observation, Permanent, Provider, Session, Temporary, attribute


@dataclass
class Failing:
    """The declaration."""

    path: str = attribute("What it brings about: a file with a line for each attempt.", required=True)
    how: str = attribute("permanent, temporary, bug or broken-word.", required=True)
    times: int = attribute("Attempts that fail.", default=0)
    delay: int = attribute(
        "Milliseconds to wait, as the provider asks for it; 0: as long as the engine likes.", default=0
    )


class FailingKind(Kind[Failing]):
    """Fails `times` times."""

    name = "failing"
    schema = Failing
    identity = ("path",)

    def observe(self, item: Item[Failing], session: Session) -> Observation:
        """It is there once enough attempts were made."""
        is_done = attempts(Path(item.desired.path)) > item.desired.times
        wanted = {"path": item.desired.path, "how": item.desired.how}
        return Observation(wanted if is_done else None, wanted)

    def apply(self, change: Change[Failing], session: Session) -> Done | None:
        """One attempt."""
        desired = change.desired
        path = Path(desired.path)
        with path.open("a") as file:
            file.write("attempt\n")
        if attempts(path) > desired.times:
            return None
        if desired.how == "permanent":
            raise Permanent("never again")
        if desired.how == "temporary":
            raise Temporary("not now", delay=desired.delay / 1000 or None)
        if desired.how == "bug":
            raise RuntimeError("unexpected")
        return None


def attempts(path: Path) -> int:
    """How often it was tried."""
    return len(path.read_text().splitlines()) if path.exists() else 0


PROVIDER = Provider("failing", "1", [FailingKind()])
