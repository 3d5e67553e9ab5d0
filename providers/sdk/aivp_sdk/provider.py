"""A provider as a value: its kinds, the manifest they publish, and how a request becomes calls of their methods.

The manifest is generated here and shipped as a file; nothing that plans ever imports the provider itself.
"""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    Union,
    cast,
)

from aivp_contract import diff
from aivp_contract.canonical import encode
from aivp_contract.manifest import Kind as Described
from aivp_contract.manifest import read_manifest
from aivp_contract.observation import read_observation
from aivp_contract.values import Json

from .errors import Bug, ProviderError
from .kind import Change, Done, Item, Kind, Result, Seen
from .late import Late, made
from .process import Session
from .redaction import Redaction, watching
from .schema import json_schema, load

_FLAGS = (
    "identity_from_name schema_version phase placement existence batch transaction refreshable shared deletable channel"
).split()
_NOTHING: FrozenSet[str] = frozenset()
_LISTS = ("identity", "disturbs", "platforms", "provides", "requires", "rules", "needs")


class Provider:
    """The kinds of one package under one name and version."""

    def __init__(
        self,
        name: str,
        version: str,
        kinds: Union[Sequence[Kind[Any]], Mapping[str, str]],
        configuration: Optional[Type[Any]] = None,
    ) -> None:
        """`kinds`: kinds, or name → "module:Class" of kinds that are imported when they are first asked about.

        configuration: a dataclass of what people may write for this provider under `providers:`. Raises BadManifest
        for kinds that cannot be described, where they are here already.
        """
        self.name = name
        self.configuration = configuration
        self.version = version
        self.kinds: Mapping[str, Kind[Any]]
        self.described: Mapping[str, Described]
        if isinstance(kinds, Mapping):
            places: Mapping[str, str] = kinds
            self.kinds = Late(places, lambda kind: cast("Kind[Any]", made(places[kind])))
            self.described = Late(places, lambda kind: self._read([kind])[kind])
        else:
            self.kinds = {kind.name: kind for kind in kinds}
            self.described = self._read(self.kinds)

    def manifest(self) -> Dict[str, Json]:
        """The manifest document, as `manifest.json` ships it."""
        return self._manifest(self.kinds)

    def _manifest(self, kinds: Iterable[str]) -> Dict[str, Json]:
        found: Dict[str, Json] = {"manifest": 1, "name": self.name, "version": self.version}
        if self.configuration is not None:
            found["configuration"] = json_schema(self.configuration)
        return {**found, "kinds": {name: _describe(self.kinds[name]) for name in sorted(kinds)}}

    def _read(self, kinds: Iterable[str]) -> Mapping[str, Described]:
        return read_manifest(self._manifest(kinds)).kinds

    def observe(self, items: Sequence[Mapping[str, Json]], session: Session) -> List[Dict[str, Json]]:
        """Answer an `observe` request: one answer per item, in order."""
        return _by_kind(items, lambda kind, group: self._observe(kind, group, session))

    def apply(self, items: Sequence[Mapping[str, Json]], session: Session) -> List[Dict[str, Json]]:
        """Answer an `apply` request: one answer per item, in order."""
        return _by_kind(items, lambda kind, group: self._apply(kind, group, session))

    def list(self, kind: str, within: Mapping[str, Json], session: Session) -> List[Dict[str, Json]]:
        """Answer a `list` request: `{id, identity, attributes, name?, note?}`, by identity."""
        described, asked = self.described[kind], self.kinds[kind].within
        found: List[Dict[str, Any]] = [
            {
                "identity": {**described.identity_of(listed.attributes), **listed.identity},
                "attributes": dict(listed.attributes),
                **({"name": listed.name} if listed.name else {}),
                **({"note": listed.note} if listed.note else {}),
            }
            for listed in self.kinds[kind].list(None if asked is None else load(asked, within), session)
        ]
        found.sort(key=lambda item: [_rank(item["identity"][name]) for name in described.identity])
        return [{"id": str(number), **item} for number, item in enumerate(found, 1)]

    def upgrade(self, kind: str, version: int, attributes: Mapping[str, Json]) -> Dict[str, Json]:
        """Answer an `upgrade` request."""
        return dict(self.kinds[kind].upgrade(version, attributes))

    def _observe(self, name: str, group: Sequence[Mapping[str, Json]], session: Session) -> List[Dict[str, Json]]:
        kind, described = self.kinds[name], self.described[name]
        watched = watching(described, group, session.standing)
        session.secrets = _share(watched)
        items = [_item(kind, described, raw, red) for raw, red in zip(group, watched) if not (red and red.refusal)]
        seen = iter(_guarded(lambda: kind.observe_many(items, session), len(items)))
        return _answers(_observed, group, watched, seen)

    def _apply(self, name: str, group: Sequence[Mapping[str, Json]], session: Session) -> List[Dict[str, Json]]:
        kind, described = self.kinds[name], self.described[name]
        watched = watching(described, group, session.standing)
        session.secrets = _share(watched)
        changes = [_change(kind, described, raw, red) for raw, red in zip(group, watched) if not (red and red.refusal)]
        done = iter(_guarded(lambda: kind.apply_many(changes, session), len(changes)))
        return _answers(_applied, group, watched, done)


def _rank(value: Json) -> Tuple[int, Any]:
    """Texts by their code points, before all else by its canonical bytes."""
    return (0, value) if isinstance(value, str) else (1, encode(value))


def _share(watched: Sequence[Optional[Redaction]]) -> List[str]:
    """What is said about one item of a batch may quote another one: every message is freed of the secrets of all."""
    there = [red for red in watched if red is not None]
    secrets = sorted({secret for red in there for secret in red.secrets})
    for red in there:
        red.shared = secrets
    return secrets


def _answers(
    answer: Callable[[Mapping[str, Json], Optional[Redaction], Any], Dict[str, Json]],
    group: Sequence[Mapping[str, Json]],
    watched: Sequence[Optional[Redaction]],
    found: Iterator[Any],
) -> List[Dict[str, Json]]:
    """What the kind said of each item, as an answer; what cannot be one is a bug in that item."""
    said = [(red and red.refusal) or next(found) for red in watched]
    try:
        return [answer(raw, red, one) for raw, red, one in zip(group, watched, said)]
    except Exception:  # noqa: BLE001  # what authors return is of any type; here it is not known yet which one it is
        return [_answer(answer, raw, red, one) for raw, red, one in zip(group, watched, said)]


def _answer(
    answer: Callable[[Mapping[str, Json], Optional[Redaction], Any], Dict[str, Json]],
    raw: Mapping[str, Json],
    red: Optional[Redaction],
    said: Any,
) -> Dict[str, Json]:
    try:
        return answer(raw, red, said)
    except Exception as error:  # noqa: BLE001  # as above
        return {"id": raw["id"], "error": error_form(Bug.of(error))}


def _observed(raw: Mapping[str, Json], red: Optional[Redaction], seen: Seen) -> Dict[str, Json]:
    if isinstance(seen, ProviderError):
        return {"id": raw["id"], "error": error_form(seen, red.redact if red else str)}
    return {"id": raw["id"], "observation": (red.mask(seen) if red else seen).form()}


def _applied(raw: Mapping[str, Json], red: Optional[Redaction], done: Result) -> Dict[str, Json]:
    if isinstance(done, ProviderError):
        return {"id": raw["id"], "error": error_form(done, red.redact if red else str)}
    answer: Dict[str, Json] = {"id": raw["id"], "outputs": red.fields(done.outputs) if red else dict(done.outputs)}
    if done.absorbs_refresh:
        answer["absorbs_refresh"] = True
    return answer


def error_form(error: ProviderError, redact: Callable[[str], str] = str) -> Dict[str, Json]:
    """A provider's error as the protocol carries it."""
    found: Dict[str, Json] = {"class": error.error_class, "message": redact(error.message)[:4000]}
    if error.path is not None:
        found["path"] = redact(error.path)
    if error.mend is not None:
        found["mend"] = redact(error.mend)[:1000]
    if error.delay is not None:
        found["delay_ms"] = int(error.delay * 1000)
    return found


def _identity(described: Described, raw: Mapping[str, Json]) -> Dict[str, Json]:
    """The identity fields that are known: as they were sent, else as they are declared."""
    found = raw.get("identity") or described.identity_of(raw["config"])
    if None not in found.values():  # so are most
        return dict(found)
    return {name: value for name, value in found.items() if value is not None}


def _item(kind: Kind[Any], described: Described, raw: Mapping[str, Json], red: Optional[Redaction]) -> Item[Any]:
    config, prior = raw["config"], raw.get("prior")
    return Item(
        id=raw["id"],
        desired=load(kind.schema, red.plain if red else config),
        declared=tuple(config),
        prior=prior,
        hidden=red.hidden if red else _NOTHING,
        tainted=red.tainted if red else _NOTHING,
        unapplied=diff.unapplied(described, config, prior),
        identity=_identity(described, raw),
    )


def _change(kind: Kind[Any], described: Described, raw: Mapping[str, Json], red: Optional[Redaction]) -> Change[Any]:
    return Change(
        id=raw["id"],
        action=raw["action"],
        desired=load(kind.schema, red.plain if red else raw["config"]),
        declared=tuple(raw["config"]),
        seen=read_observation(raw["seen"]),
        changes=tuple(diff.Change(**change) for change in raw.get("changes", ())),
        prior=raw.get("prior"),
        hidden=red.hidden if red else _NOTHING,
        tainted=red.tainted if red else _NOTHING,
        identity=_identity(described, raw),
    )


def _guarded(call: Callable[[], Sequence[Any]], count: int) -> Sequence[Any]:
    """A batch that fails as a whole fails for each of its items."""
    try:
        found = list(call())
    except ProviderError as error:
        return [error] * count
    except Exception as error:  # noqa: BLE001  # the author's code: a bug in a batch is none of the other batches
        return [Bug.of(error)] * count
    return found if len(found) == count else [Bug("another number of answers than of items")] * count


def _by_kind(
    items: Sequence[Mapping[str, Json]],
    handle: Callable[[str, Sequence[Mapping[str, Json]]], List[Dict[str, Json]]],
) -> List[Dict[str, Json]]:
    """Hand items over kind by kind; answers come back in the order of the request."""
    if len({item["kind"] for item in items}) == 1:
        return handle(items[0]["kind"], items)
    groups: Dict[str, List[Tuple[int, Mapping[str, Json]]]] = {}
    for index, item in enumerate(items):
        groups.setdefault(item["kind"], []).append((index, item))
    answers: Dict[int, Dict[str, Json]] = {}
    for name, group in groups.items():
        for (index, _), answer in zip(group, handle(name, [item for _, item in group])):
            answers[index] = answer
    return [answers[index] for index in range(len(items))]


def _describe(kind: Kind[Any]) -> Dict[str, Json]:
    described: Dict[str, Json] = {
        "description": (type(kind).__doc__ or "").strip(),
        "schema": json_schema(kind.schema),
    }
    for name in _FLAGS:
        value = getattr(kind, name)
        if value != getattr(Described, name, None):
            described[name] = value
    for name in _LISTS:
        value = list(getattr(kind, name))
        if value:
            described[name] = value
    if kind.within is not None:
        described["within"] = json_schema(kind.within)
    return described


__all__ = ["Done", "Provider", "Seen", "error_form"]
