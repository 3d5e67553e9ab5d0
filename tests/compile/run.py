"""Short ways to compile a project of plain data and to look at what came out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from aivp_contract.values import Json

from aivp.compile import Compiled, compile_project
from aivp.diagnostics import Diagnostic, Refused
from aivp.plugins import Registry
from aivp.schema.json_schema import json_schema
from aivp.schema.language import language

from .manifest import CLOUD_MANIFEST, HOST_MANIFEST
from .projects import project

REGISTRY = Registry.of([HOST_MANIFEST, CLOUD_MANIFEST])


def run(data: Mapping[str, Any], root: Path = Path("/nonexistent")) -> Compiled:
    """Compile; a Refused goes through. What compiles is admitted by the schema of the language, too."""
    done = compile_project(project(data, root), REGISTRY)
    document = {name: value for name, value in data.items() if name not in ("variables", "environment")}
    document = {"aivp": "v1", "project": "test", **document}
    assert [error.message for error in _schema().iter_errors(document)] == []
    return done


@cache
def _schema() -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(json_schema(language(REGISTRY.manifests)))


def resources(data: Mapping[str, Any], root: Path = Path("/nonexistent")) -> dict[str, Mapping[str, Json]]:
    """Address → attributes."""
    return {address: item.attributes for address, item in run(data, root).ir.resources.items()}


def edges(data: Mapping[str, Any]) -> list[str]:
    """`before type after` of every edge."""
    return [f"{edge.before} {edge.type} {edge.after}" for edge in run(data).ir.edges]


def refused(data: Mapping[str, Any], root: Path = Path("/nonexistent")) -> list[Diagnostic]:
    """The diagnostics of a project that does not compile."""
    try:
        run(data, root)
    except Refused as refused:
        return list(refused.diagnostics)
    return []


def said(data: Mapping[str, Any], root: Path = Path("/nonexistent")) -> list[str]:
    """`CODE place: why mend` of every diagnostic."""
    return [f"{d.code} {d.span.file if d.span else '-'}: {d.why} {d.mend}".strip() for d in refused(data, root)]
