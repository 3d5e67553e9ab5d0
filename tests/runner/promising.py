"""A provider whose only kind breaks its word as its declaration asks it to; its things lie in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aivp_sdk import Change, Done, Item, Kind, Observation, Provider, Session, Unknown, attribute

THINGS: dict[str, dict[str, Any]] = {}
CREATED: list[str] = []


@dataclass
class Promising:
    """The declaration."""

    name: str = attribute("What it is called.", required=True)
    text: str = attribute("What it says.", default="")
    how: str = attribute("Which word it breaks.", default="none")
    size: int = attribute("How large it is.", computed=True)
    place: str = attribute("Where it is.", computed=True)


class PromisingKind(Kind[Promising]):
    """Promises its size, and to tell its place."""

    name = "promising"
    schema = Promising
    identity = ("name",)

    def observe(self, item: Item[Promising], session: Session) -> Observation:
        """What is there, or will be."""
        how, name, text = item.desired.how, item.desired.name, item.desired.text
        wanted = {"name": name, "how": how, "text": text.upper()}
        there = THINGS.get(name)
        if there is None:
            return Observation(None, wanted, computed={"size": len(text), "place": Unknown()})
        if how == "normalised":
            wanted["text"] = there["text"]
        size = len(text) + (how == "size")
        computed: dict[str, Any] = {"size": size, "place": "there"}
        observed = {**wanted, "text": there["text"], **computed}
        if how == "unknown":
            computed["place"] = Unknown()
            del observed["place"]
        if how == "gone":
            del computed["place"], observed["place"]
        if how == "two voices":
            observed["size"] = size + 1
        return Observation(observed, wanted, computed=computed)

    def apply(self, change: Change[Promising], session: Session) -> Done | None:
        """Do it, more or less."""
        desired = change.desired
        if change.action == "delete":
            THINGS.pop(desired.name, None)
            return None
        THINGS[desired.name] = {"text": desired.text if desired.how == "normalised" else desired.text.upper()}
        return Done({"place": "elsewhere"} if desired.how == "outputs" else {})


@dataclass
class Numbered:
    """A thing with a number."""

    text: str = attribute("What it says.", default="")
    how: str = attribute("Which word it breaks.", default="none")
    number: int = attribute("Its number.", computed=True)


class NumberedKind(Kind[Numbered]):
    """Assigns numbers; batches, so that a key could be shared."""

    name = "numbered"
    schema = Numbered
    identity = ("number",)
    batch = True

    def observe(self, item: Item[Numbered], session: Session) -> Observation:
        """By its number only."""
        number = item.identity.get("number")
        if number is None or str(number) not in THINGS:
            return Observation(None, computed={"number": Unknown()})
        return Observation({**THINGS[str(number)], "number": number}, computed={"number": number})

    def apply(self, change: Change[Numbered], session: Session) -> Done | None:
        """Create under a new number for each key, or change what the number says."""
        number = change.identity.get("number")
        if change.action == "create":
            if session.key not in CREATED:
                CREATED.append(session.key)
            number = CREATED.index(session.key) + 1
        text = "wrong" if change.desired.how == "wrong" else change.desired.text
        THINGS[str(number)] = {"text": text, "how": change.desired.how}
        return Done({} if change.desired.how == "no number" else {"number": number})


PROVIDER = Provider("promising", "1", [PromisingKind(), NumberedKind()])
