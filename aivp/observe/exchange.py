"""One request to a host: questions as the wire carries them → what was seen, audited before anybody reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from aivp_contract.values import Json, Secret, contains

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.equipping import unequipped
from aivp.hosts.refusals import refused
from aivp.hosts.session import HostSession, Refusal
from aivp.hosts.sessions import Sessions
from aivp.model.evidence import Seen, blocks
from aivp.model.object import Object
from aivp.observe.audit import Broken, audit
from aivp.plan.bind import Bound, Kinds
from aivp.plan.decide import asked_digest

Question: TypeAlias = Bound | Object
"""What is asked about: something declared, or a recorded object that nothing stands for."""


def exchange(
    session: HostSession,
    items: Sequence[Mapping[str, Json]],
    asked: Mapping[str, Question],
    sessions: Sessions,
    kinds: Kinds,
    is_untrusted: bool,
) -> dict[str, Seen]:
    """The answer for each of `items` = [{id, kind, config, identity, …}], by its id. Raises Refused."""
    digests = {item["id"]: _digest(asked[item["id"]], item, kinds, is_untrusted) for item in items}
    try:
        missing = unequipped(sessions, session, {item["kind"] for item in items})
        found = {
            item["id"]: Seen(digests[item["id"]], error=missing[item["kind"]])
            for item in items
            if item["kind"] in missing
        }
        items = [item for item in items if item["kind"] not in missing]
        if not items:
            return found
        answers = session.gather("observe", {"items": list(items)}, "items", by="observed", most=len(items))
        if [answer["id"] for answer in answers] != [item["id"] for item in items]:
            raise session.hostile("it answered other questions than were asked")
    except Refusal as refusal:
        raise refused(refusal) from None
    except (KeyError, TypeError):
        raise session.hostile("its answers are not of the protocol") from None
    return found | {
        item["id"]: _audited(session.host.name, item, answer, digests[item["id"]], kinds)
        for item, answer in zip(items, answers, strict=True)
    }


def without_secrets(attributes: Mapping[str, Json]) -> dict[str, Json]:
    """Those fields that hold none."""
    return {name: value for name, value in attributes.items() if not contains(value, (Secret,))}


def _digest(what: Question, item: Mapping[str, Json], kinds: Kinds, is_untrusted: bool) -> str:
    """Of what was asked; secrets that a host was not given count as another question."""
    if isinstance(what, Object):
        return ""
    if is_untrusted and contains(what.known, (Secret,)):
        return "without its secrets"
    return asked_digest(what, kinds[item["kind"]].assigned_ids(item["identity"]))


def _audited(host: str, item: Mapping[str, Json], answer: Json, digest: str, kinds: Kinds) -> Seen:
    kind = kinds[item["kind"]]
    try:
        return audit(kind, digest, answer)
    except Broken as broken:
        what = f"broke its contract on {host} for {item['id']}: {broken}"
        if blocks(kind.name):
            return Seen(digest, error={"class": "bug", "message": f"the provider {kind.provider} {what}"})
        why = f"The provider {kind.provider} {what}."
        raise Refused((Diagnostic("AIVP0612", why, "This is a bug of that provider."),)) from None
