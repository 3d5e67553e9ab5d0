"""manifest.json as data: which kinds, which fields with which words (docs/protocol/v1.md, section 3)."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .broken import Broken
from .schemas import complaint, validator


@dataclass(frozen=True)
class Field:
    """What JSON Schema and `x-aivp` say of one field."""

    schema: Mapping[str, Any]

    @property
    def words(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.schema.get("x-aivp", {})
        return found

    def has(self, word: str) -> bool:
        return bool(self.words.get(word))

    @property
    def fields(self) -> Mapping[str, Field]:
        return {name: Field(schema) for name, schema in self.schema.get("properties", {}).items()}

    @property
    def items(self) -> Field:
        return Field(self.schema.get("items", {}))

    @property
    def types(self) -> tuple[str, ...]:
        found = self.schema.get("type", ())
        return (found,) if isinstance(found, str) else tuple(found)


@dataclass(frozen=True)
class Kind:
    """A kind and its fields."""

    name: str
    form: Mapping[str, Any]
    fields: Mapping[str, Field] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, ...]:
        return tuple(self.form["identity"])

    @property
    def assigned(self) -> bool:
        """True where the provider assigns the identity, or a part of it."""
        return any(self.fields[name].has("computed") for name in self.identity)

    def named(self, word: str) -> tuple[str, ...]:
        """Names of the fields with a word, sorted."""
        return tuple(sorted(name for name, meaning in self.fields.items() if meaning.has(word)))

    def flag(self, word: str, default: bool = False) -> bool:
        return bool(self.form.get(word, default))


@dataclass(frozen=True)
class Manifest:
    """The manifest of one provider, and the folder of its files."""

    folder: Path
    form: Mapping[str, Any]

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return {
            name: Kind(name, form, {n: Field(s) for n, s in form["schema"]["properties"].items()})
            for name, form in sorted(self.form["kinds"].items())
        }

    def argv(self) -> list[str] | None:
        """What starts the provider on this machine; None where the manifest names nothing for it."""
        start = self.form.get("start", {})
        argv = start.get(f"{sys.platform}-{platform.machine()}", start.get("any"))
        return argv and [part.replace("{folder}", str(self.folder)) for part in argv]


def read(path: Path) -> Manifest:
    """From a folder or the file itself. Raises OSError and ValueError: the kit cannot run without."""
    file = path / "manifest.json" if path.is_dir() else path
    form = json.loads(file.read_text("utf-8"))
    if not isinstance(form, dict):
        raise ValueError("a manifest is an object")
    return Manifest(file.parent.resolve(), form)


def examine(manifest: Manifest) -> None:
    """Raises Broken for what the manifest breaks, its schema first."""
    wrong = complaint(validator("manifest"), manifest.form)
    if wrong is not None:
        raise Broken("manifest", f"manifest.json breaks its schema at {wrong}")
    for kind in manifest.kinds.values():
        owner, slash, _ = kind.name.partition("/")
        if slash and owner != manifest.form["name"]:
            raise Broken("manifest", f"{kind.name} is not named {manifest.form['name']}/KIND")
        for word, names in references(kind):
            for name in sorted(set(names) - set(kind.fields)):
                raise Broken("manifest", f"{kind.name}: {word} names {name}, which is no field")
        for name, meaning in sorted(kind.fields.items()):
            examine_field(f"{kind.name}.{name}", meaning)
        if kind.flag("identity_from_name") and len(kind.identity) != 1:
            raise Broken("manifest", f"{kind.name}: identity_from_name needs a sole identity field")


def references(kind: Kind) -> list[tuple[str, list[str]]]:
    """Where a kind names fields of its own: word and names."""
    schema = kind.form["schema"]
    found = [("identity", list(kind.identity)), ("required", schema.get("required", []))]
    for rule in kind.form.get("rules", []):
        found += [("rules", [name for word, names in rule.items() for name in names])]
    found += [(w, [c["field"] for c in kind.form.get(w, [])]) for w in ("provides", "requires")]
    return found


def examine_field(name: str, meaning: Field) -> None:
    """What the words of a field ask of its schema."""
    key = meaning.words.get("key")
    if (key is not None or meaning.has("set")) and "array" not in meaning.types:
        raise Broken("manifest", f"{name} has the word {'set' if key is None else 'key'}, and is no array")
    if key is not None and key not in meaning.items.fields:
        raise Broken("manifest", f"{name}: elements have no member {key}, which shall tell them apart")
    if meaning.has("owned") and key is None and not meaning.has("set"):
        raise Broken("manifest", f"{name} is owned, and neither a set nor a keyed list")
