"""A provider, or one kind of it, as text for people: what may be declared, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aivp_contract.manifest import Kind
from aivp_contract.values import Json

from aivp.plugins.registry import Provider

_WORDS = ("immutable", "computed", "sensitive", "write_only", "guard", "exposed")


def provider_text(place: str, provider: Provider) -> str:
    """Where it comes from, what it is configured with, and its kinds."""
    manifest = provider.manifest
    lines = [f"{provider.name} {manifest.version}", f"  from      {place}", f"  manifest  {provider.digest}"]
    if manifest.start:
        lines += [f"  start     {platform}: {' '.join(argv)}" for platform, argv in manifest.start.items()]
    if manifest.configuration is not None:
        lines += ["", f"Configuration, under providers: {provider.name}:", *_fields(manifest.configuration)]
    lines += ["", "Kinds:"]
    lines += [f"  {name:<20} {(kind.description.splitlines() or [''])[0]}" for name, kind in manifest.kinds.items()]
    return "\n".join(lines)


def kind_text(kind: Kind) -> str:
    """What it is, and its fields."""
    about = f"identity: {', '.join(kind.identity)}; works on the {kind.placement}; phase: {kind.phase}"
    return "\n".join([f"{kind.name}: {kind.description}", about, "", *_fields(kind.schema)])


def _fields(schema: Mapping[str, Json]) -> Iterator[str]:
    for name, field in schema["properties"].items():
        marks = field.get("x-aivp", {})
        words = [word for word in _WORDS if marks.get(word)]
        words += [f"refers to {marks['refers']['kind']}"] if "refers" in marks else []
        said = [*(["required"] if name in schema.get("required", ()) else []), *words]
        yield f"  {name} ({', '.join(said)})" if said else f"  {name}"
        yield f"      {field.get('description', '')}"
