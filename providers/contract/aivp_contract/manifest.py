"""Manifests: a provider's static description, read from JSON into frozen tables that guide validation and the diff.

A kind's `schema` is JSON Schema; what JSON Schema cannot say stands beside it in each property under `x-aivp`.
This module knows the meaning of those words and nothing of any provider.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from .needs import Need, read_need
from .values import Json

PHASES: Tuple[str, ...] = ("repository", "package", "identity", "file", "service", "command")
"""Sort key among resources without an edge between them, in this order."""

PROTOCOL = 1
"""The major version of the provider protocol."""

FIELD_WORDS = frozenset(
    (
        "immutable computed sensitive write_only set key owned exclusive_when semantic"
        " content text guard exposed beneath refers"
    ).split()
)
_PLATFORM = re.compile(r"any|(linux|darwin)-[a-z0-9_]+")
SEMANTICS = frozenset({"quantity", "duration", "mode", "path"})


class BadManifest(ValueError):
    """A manifest that breaks its own rules; the message names the provider, the kind and the member."""


@dataclass(frozen=True)
class Content:
    """How a field gets its value from a file of the project: names of the sibling fields that say so."""

    source: str
    template: str
    vars: str


@dataclass(frozen=True)
class Beneath:
    """A list that the engine completes: values of `capability` that other resources provide below this one's own.

    when: `{sibling: value}`; only then.
    """

    capability: str
    when: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Refers:
    """What a reference to a whole resource of `kind` stands for: the value of its `field`.

    here: only one on the same host will do, since elsewhere the value would mean nothing, or another thing.
    """

    kind: str
    field: str
    here: bool = False


@dataclass(frozen=True)
class Field:
    """What one property means. `fields` are those of an object, `items` that of a list's elements."""

    immutable: bool = False
    """A change of it needs a replace."""
    computed: bool = False
    """Set by the provider; never declared."""
    sensitive: bool = False
    """Compared on the host, never shown."""
    write_only: bool = False
    """Never observed; changed when the declaration differs from the one last applied."""
    is_set: bool = False
    """A list without order or duplicates."""
    key: Optional[str] = None
    """A list of objects told apart by this member."""
    owned: bool = False
    """Of a set or keyed list only the declared elements are managed, and removed once no longer declared."""
    exclusive_when: Mapping[str, Json] = field(default_factory=dict)
    """`{sibling: value}`: then the whole list is managed, undeclared elements are removed."""
    semantic: Optional[str] = None
    """quantity (bytes), duration (seconds), mode or path: the normal form of the value."""
    content: Optional[Content] = None
    text: bool = False
    """Worth a line diff."""
    guard: bool = False
    """Observing it runs what the author wrote."""
    exposed: bool = False
    """Other users of the host can see it, as they see arguments of processes: a secret in it is refused."""
    beneath: Optional[Beneath] = None
    refers: Optional[Refers] = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    items: Optional[Field] = None
    default: Json = None


@dataclass(frozen=True)
class Capability:
    """One end of an edge that a kind implies: `name` with the value of `field`; `parents`: also of folders above."""

    name: str
    field: str
    parents: bool = False


@dataclass(frozen=True)
class Rule:
    """A condition between fields: where `when` holds (field → admitted values), these must or must not be declared."""

    when: Mapping[str, Tuple[Json, ...]] = field(default_factory=dict)
    required: Tuple[str, ...] = ()
    forbidden: Tuple[str, ...] = ()
    at_most_one: Tuple[str, ...] = ()
    at_least_one: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One type of resource, as its provider's manifest describes it."""

    name: str
    provider: str
    schema: Mapping[str, Json]
    fields: Mapping[str, Field]
    identity: Tuple[str, ...]
    identity_from_name: bool = False
    schema_version: int = 1
    description: str = ""
    phase: str = "file"
    placement: str = "host"
    """`host` or `controller`."""
    disturbs: Tuple[str, ...] = ()
    """Kinds whose objects an effect of this one may change on the same host; `*` is every kind."""
    existence: str = "observed"
    """`observed`: the provider sees whether it exists; `recorded`: only state knows (a command that ran)."""
    batch: bool = False
    """Neighbours of this kind without a path between them may be handed over together."""
    transaction: bool = False
    """A batch is one effect: it succeeds or fails whole."""
    refreshable: bool = False
    shared: bool = False
    deletable: bool = True
    channel: Optional[str] = None
    """Its things are hosts: this computed field is the argv, run where the thing itself is, to which a command within
    is appended; null while it does not run.
    """
    provides: Tuple[Capability, ...] = ()
    requires: Tuple[Capability, ...] = ()
    rules: Tuple[Rule, ...] = ()
    platforms: Tuple[str, ...] = ()
    within: Optional[Mapping[str, Json]] = None
    """The schema of what narrows a `list`; None: nothing does."""
    narrowing: Mapping[str, Field] = field(default_factory=dict)
    """The fields of `within`."""
    needs: Tuple[Need, ...] = ()
    """What must be there on a host before it works."""

    @cached_property
    def computed(self) -> FrozenSet[str]:
        """Names of the fields that only the provider sets."""
        return frozenset(name for name, item in self.fields.items() if item.computed)

    @cached_property
    def immutable(self) -> FrozenSet[str]:
        """Names of the fields that cannot change: a difference asks for a replacement."""
        return frozenset(name for name, item in self.fields.items() if item.immutable)

    @cached_property
    def sensitive(self) -> FrozenSet[str]:
        """Names of the fields of which a provider only tells whether they match."""
        return frozenset(name for name, item in self.fields.items() if item.sensitive)

    @cached_property
    def write_only(self) -> FrozenSet[str]:
        """Names of the fields that cannot be observed."""
        return frozenset(name for name, item in self.fields.items() if item.write_only)

    @cached_property
    def assigned(self) -> FrozenSet[str]:
        """Names of the identity fields that the provider sets: nobody knows them before the thing is made."""
        return frozenset(name for name in self.identity if self.fields[name].computed)

    def identity_of(self, attributes: Mapping[str, Json]) -> Dict[str, Json]:
        """The identity fields of `attributes`, by name, as far as they are there."""
        return {name: attributes[name] for name in self.identity if attributes.get(name) is not None}

    def declared_identity(self, identity: Mapping[str, Json]) -> Dict[str, Json]:
        """The part of an identity that a declaration says."""
        return {name: value for name, value in identity.items() if name not in self.assigned}

    def assigned_ids(self, fields: Mapping[str, Json]) -> Dict[str, Json]:
        """What `fields` hold of the identity that the provider assigns: text or whole numbers, all else is no id."""
        return {name: fields[name] for name in sorted(self.assigned) if type(fields.get(name)) in (str, int)}


@dataclass(frozen=True)
class Manifest:
    """A provider: `name`, `version` and the kinds it serves.

    start: platform → argv of its program; empty where it runs inside the runner, or is a Python package.
    configuration: the schema of what people write for it under `providers:`, and its fields; None: there is none.
    """

    name: str
    version: str
    kinds: Mapping[str, Kind]
    start: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    configuration: Optional[Mapping[str, Json]] = None
    settings: Mapping[str, Field] = field(default_factory=dict)


def read_manifest(document: Json) -> Manifest:
    """A manifest from its parsed JSON. Raises BadManifest at the first broken rule."""
    if not isinstance(document, dict) or document.get("manifest") != 1:
        raise BadManifest('a manifest is an object with "manifest": 1')
    name = _text(document, "name", "manifest")
    kinds = document.get("kinds")
    if not isinstance(kinds, dict) or not kinds:
        raise BadManifest(f"{name}: no kinds")
    if document.get("protocol", PROTOCOL) != PROTOCOL:
        raise BadManifest(f"{name}: speaks protocol {document['protocol']!r}; this aivp speaks {PROTOCOL}")
    configuration = document.get("configuration")
    return Manifest(
        name,
        _text(document, "version", name),
        {k: _kind(k, name, kinds[k]) for k in sorted(kinds)},
        _start(name, document["start"]) if "start" in document else {},
        configuration,
        {} if configuration is None else _fields(f"{name}: configuration", configuration),
    )


def _start(name: str, raw: Json) -> Dict[str, Tuple[str, ...]]:
    """Platform → argv. Paths after `{folder}` stay within it: whoever plans reads these files."""
    if not isinstance(raw, dict) or not raw:
        raise BadManifest(f"{name}: start is an object, platform → argv")
    for platform, argv in raw.items():
        if not _PLATFORM.fullmatch(platform):
            raise BadManifest(f"{name}: start names {platform[:40]!r}, which is neither any nor such as linux-x86_64")
        if not isinstance(argv, list) or not argv or not all(isinstance(part, str) and part for part in argv):
            raise BadManifest(f'{name}: start.{platform} is a list of texts, such as ["{{folder}}/program"]')
        if any(".." in part.partition("{folder}")[2].split("/") for part in argv):
            raise BadManifest(f"{name}: start.{platform} leaves the provider's folder")
    return {platform: tuple(raw[platform]) for platform in sorted(raw)}


def _fields(where: str, schema: Json) -> Dict[str, Field]:
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        raise BadManifest(f"{where} is not an object schema with properties")
    return {key: _field(f"{where}.{key}", value) for key, value in schema["properties"].items()}


def _kind(name: str, provider: str, raw: Json) -> Kind:
    where = f"{provider}: {name}"
    fields = _fields(where, raw.get("schema"))
    identity = tuple(raw.get("identity", ()))
    if not identity or any(part not in fields for part in identity):
        raise BadManifest(f"{where}: identity must name fields of the schema")
    if raw.get("identity_from_name") and (len(identity) != 1 or fields[identity[0]].computed):
        raise BadManifest(f"{where}: identity_from_name needs one identity field, and one that is declared")
    if raw.get("phase", "file") not in PHASES:
        raise BadManifest(f"{where}: unknown phase {raw.get('phase')!r}")
    channel = raw.get("channel")
    if channel is not None and (channel not in fields or not fields[channel].computed):
        raise BadManifest(f"{where}: channel must name a computed field")
    flags: Dict[str, Any] = {key: raw[key] for key in _PLAIN if key in raw}
    tuples: Dict[str, Any] = {key: tuple(raw[key]) for key in ("disturbs", "platforms") if key in raw}
    return Kind(
        name=name,
        provider=provider,
        schema=raw["schema"],
        fields=fields,
        identity=identity,
        provides=tuple(_capability(where, item, fields) for item in raw.get("provides", ())),
        requires=tuple(_capability(where, item, fields) for item in raw.get("requires", ())),
        rules=tuple(_rule(item) for item in raw.get("rules", ())),
        within=raw.get("within"),
        narrowing=_fields(f"{where}: within", raw["within"]) if "within" in raw else {},
        needs=tuple(_need(where, item, fields) for item in raw.get("needs", ())),
        **flags,
        **tuples,
    )


_PLAIN: List[str] = (
    "identity_from_name schema_version description phase placement existence batch transaction refreshable shared"
    " deletable channel"
).split()


def _field(where: str, schema: Json) -> Field:
    words: Dict[str, Any] = dict(schema.get("x-aivp", {}))
    unknown = set(words) - FIELD_WORDS
    if unknown:
        raise BadManifest(f"{where}: unknown words {', '.join(sorted(unknown))} in x-aivp")
    if words.get("semantic") not in SEMANTICS | {None}:
        raise BadManifest(f"{where}: unknown semantic {words['semantic']!r}")
    words["is_set"] = words.pop("set", False)
    if "content" in words:
        words["content"] = Content(**words["content"])
    if "beneath" in words:
        words["beneath"] = Beneath(**words["beneath"])
    if "refers" in words:
        words["refers"] = _refers(where, words["refers"])
    properties = schema.get("properties", {})
    items = schema.get("items")
    return Field(
        fields={key: _field(f"{where}.{key}", value) for key, value in properties.items()},
        items=_field(f"{where}[]", items) if isinstance(items, dict) else None,
        default=schema.get("default"),
        **words,
    )


def _capability(where: str, raw: Json, fields: Mapping[str, Field]) -> Capability:
    if raw.get("field") not in fields:
        raise BadManifest(f"{where}: a capability names the unknown field {raw.get('field')!r}")
    return Capability(raw["capability"], raw["field"], bool(raw.get("parents", False)))


def _refers(where: str, raw: Json) -> Refers:
    if not isinstance(raw, dict) or not set(raw) <= {"kind", "field", "here"}:
        raise BadManifest(f"{where}: refers is an object with kind, field and here")
    return Refers(
        _text(raw, "kind", f"{where}: refers"), _text(raw, "field", f"{where}: refers"), raw.get("here") is True
    )


def _need(where: str, raw: Json, fields: Mapping[str, Field]) -> Need:
    try:
        found = read_need(raw)
    except ValueError as error:
        raise BadManifest(f"{where}: a need {error}") from None
    for name in (*found.when, *found.set, *([found.field] if found.field else ())):
        if name not in fields:
            raise BadManifest(f"{where}: a need names the unknown field {name!r}")
    return found


def _rule(raw: Json) -> Rule:
    when = {key: tuple(value) for key, value in raw.get("when", {}).items()}
    lists = {k: tuple(raw.get(k, ())) for k in ("required", "forbidden", "at_most_one", "at_least_one")}
    return Rule(when=when, **lists)


def _text(document: Mapping[str, Json], key: str, where: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise BadManifest(f"{where}: {key} is missing")
    return value
