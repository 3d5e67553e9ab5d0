"""A `Project` from plain Python data, without files; a span shows the path of the value that it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aivp.config.project import Declared, Project, Variable
from aivp.diagnostics import Span
from aivp.model.resource import SecretSource


class PathSpans:
    """Shows the path of a value as the file of its span, so that a test can see where a message points."""

    def value(self, path: Sequence[str | int]) -> Span:
        return Span(".".join(map(str, path)), 1, 1)

    def key(self, path: Sequence[str | int]) -> Span:
        return Span(".".join(map(str, path)) + ":key", 1, 1)


SPANS = PathSpans()


def project(data: Mapping[str, Any], root: Path = Path("/nonexistent")) -> Project:
    """`data` as it would stand in aivp.yaml."""
    return Project(
        root=root,
        name=data.get("project", "test"),
        environment=data.get("environment", "main"),
        variables={name: Variable(name, value, ()) for name, value in data.get("variables", {}).items()},
        values=_section(data, "values"),
        defaults=_section(data, "defaults"),
        secrets={name: (_secret(name, item), item) for name, item in _section(data, "secrets").items()},
        hosts=_section({"hosts": {"lab": {"transport": "local"}}, **data}, "hosts"),
        groups=_section(data, "groups"),
        resources=_section(data, "resources"),
        moved=_listed(data, "moved"),
        imports=_listed(data, "import"),
        removed=_listed(data, "removed"),
        providers=_section(data, "providers"),
        requires=Declared(data["requires"], ("requires",), SPANS) if "requires" in data else None,
    )


def _section(data: Mapping[str, Any], name: str) -> dict[str, Declared]:
    return {key: Declared(item, (name, key), SPANS) for key, item in data.get(name, {}).items()}


def _listed(data: Mapping[str, Any], name: str) -> list[Declared]:
    return [Declared(item, (name, index), SPANS) for index, item in enumerate(data.get(name, ()))]


def _secret(name: str, declared: Declared) -> SecretSource:
    (source,) = set(declared.value) - {"version"}
    return SecretSource(name, declared.value.get("version", "1"), source, declared.value[source])
