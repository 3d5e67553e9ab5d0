"""Short ways to compile a project of plain data and to look at what came out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aivp_contract.values import Json

from aivp.compile import Compiled, compile_project
from aivp.diagnostics import Diagnostic, Refused
from aivp.plugins import Registry

from .manifest import CLOUD_MANIFEST, HOST_MANIFEST
from .projects import project

REGISTRY = Registry.of([HOST_MANIFEST, CLOUD_MANIFEST])


def run(data: Mapping[str, Any], root: Path = Path("/nonexistent")) -> Compiled:
    """Compile; a Refused goes through."""
    return compile_project(project(data, root), REGISTRY)


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
