"""`tickets/ticket`: a ticket, whose identity is the id that the server gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional

from aivp_contract.values import Json
from aivp_sdk import Change, Done, Item, Kind, Listed, Observation, Session, Unknown, attribute

from .api import Api

FIELDS = ("project", "title", "body", "labels")


@dataclass
class Ticket:
    """The declaration."""

    project: str = attribute("The name of the project that it is in.", required=True, immutable=True)
    title: str = attribute("One line.", required=True, pattern="^.{1,200}$")
    body: Optional[str] = attribute("All else.", text=True)
    labels: Optional[List[str]] = attribute("Words to find it by.", set=True)
    id: Optional[int] = attribute("Which number the server gave it.", computed=True)
    state: Optional[str] = attribute("open or closed, as people set it there.", computed=True)


class TicketKind(Kind[Ticket]):
    """A ticket of the ticket server."""

    name = "tickets/ticket"
    schema = Ticket
    identity = ("id",)
    placement = "controller"
    platforms = ()

    def observe(self, item: Item[Ticket], session: Session) -> Observation:
        """As the server has it; without an id there is none yet."""
        number = item.identity.get("id")
        found = None if number is None else Api(session).get(f"/tickets/{number}")
        if found is None:
            return Observation(observed=None, computed={"id": Unknown(), "state": "open"})
        return Observation(observed=found, computed={"id": found["id"], "state": found["state"]})

    def apply(self, change: Change[Ticket], session: Session) -> Done:
        """Creating goes by the key of the step: however often it is asked for, it makes one ticket."""
        api, number = Api(session), change.identity.get("id")
        if change.action == "delete":
            api.send("DELETE", f"/tickets/{number}")
            return Done()
        wanted: Dict[str, Json] = {name: getattr(change.desired, name) for name in FIELDS if name in change.declared}
        if change.action == "create":
            found = api.send("POST", "/tickets", wanted, key=session.key)
        else:
            found = api.send("PATCH", f"/tickets/{number}", {k: v for k, v in wanted.items() if change.changed(k)})
        return Done({"id": found["id"], "state": found["state"]} if found else {})

    def list(self, within: None, session: Session) -> Iterable[Listed]:
        """All of them, by their ids."""
        for found in Api(session).get("/tickets") or ():
            kept = {name: found[name] for name in FIELDS if found[name]}
            yield Listed(kept, name=f"ticket-{found['id']}", identity={"id": found["id"]})
