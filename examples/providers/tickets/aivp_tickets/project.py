"""`tickets/project`: a project, which its name identifies. Its id is the server's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence

from aivp_sdk import Change, Done, Item, Kind, Listed, Observation, Session, Unknown, attribute
from aivp_sdk.kind import Seen

from .api import Api

WORTH_A_LIST = 20


@dataclass
class Project:
    """The declaration."""

    name: str = attribute("Its name.", required=True, pattern="^[a-z][a-z0-9-]*$")
    title: Optional[str] = attribute("What people read.")
    id: Optional[int] = attribute("Which number the server gave it.", computed=True)


class ProjectKind(Kind[Project]):
    """A project of the ticket server."""

    name = "tickets/project"
    schema = Project
    identity = ("name",)
    identity_from_name = True
    placement = "controller"
    phase = "repository"
    platforms = ()

    def observe(self, item: Item[Project], session: Session) -> Observation:
        """As the server has it."""
        return _seen(Api(session).get(f"/projects/{item.desired.name}"))

    def observe_many(self, items: Sequence[Item[Project]], session: Session) -> List[Seen]:
        """Of many projects one list is worth a request each."""
        if len(items) < WORTH_A_LIST:
            return super().observe_many(items, session)
        found = {project["name"]: project for project in Api(session).get("/projects") or ()}
        return [_seen(found.get(item.desired.name)) for item in items]

    def apply(self, change: Change[Project], session: Session) -> Done:
        """PUT makes or mends it; asking twice does no harm."""
        api, path = Api(session), f"/projects/{change.desired.name}"
        if change.action == "delete":
            api.send("DELETE", path)
            return Done()
        found = api.send("PUT", path, {"title": change.desired.title or ""})
        return Done({"id": found["id"]} if found else {})

    def list(self, within: None, session: Session) -> Iterable[Listed]:
        """All of them."""
        for found in Api(session).get("/projects") or ():
            title = {"title": found["title"]} if found["title"] else {}
            yield Listed({"name": found["name"], **title}, name=found["name"])


def _seen(found: Optional[Dict[str, Any]]) -> Observation:
    """A project of the server's, None where there is none."""
    if found is None:
        return Observation(observed=None, computed={"id": Unknown()})
    return Observation(observed=found, computed={"id": found["id"]})
