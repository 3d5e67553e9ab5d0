"""The graph of an IR as text: JSON for programs, DOT for Graphviz. Escaping for DOT happens here and nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from aivp_contract.values import Json

from aivp.model.resource import IR, Edge, EdgeType, Resource

VERSION = 1

_STYLES: Final[Mapping[EdgeType, str]] = {
    "reference": "solid",
    "depends": "bold",
    "notify": "dashed",
    "host": "solid",
    "implied": "dotted",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def graph_json(ir: IR) -> str:
    """One line of JSON: hosts, resources with kind and host, edges as [before, after, type]."""
    return json.dumps(_form(ir), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def _form(ir: IR) -> dict[str, Json]:
    return {
        "graph": VERSION,
        "project": ir.project,
        "environment": ir.environment,
        "hosts": sorted(ir.hosts),
        "resources": {address: _node(item) for address, item in ir.resources.items()},
        "edges": [[edge.before, edge.after, edge.type] for edge in sorted(ir.edges)],
    }


def _node(resource: Resource) -> dict[str, Json]:
    found: dict[str, Json] = {"kind": resource.kind, "host": resource.host}
    return found if resource.when is None else {**found, "conditional": True}


def graph_dot(ir: IR) -> str:
    """A directed graph for `dot`: a box around each host, arrows from what is done first."""
    lines = [f"digraph {_quoted(f'{ir.project}/{ir.environment}')} {{", "  rankdir=LR;", "  node [shape=box];"]
    for index, host in enumerate(sorted({item.host for item in ir.resources.values()})):
        lines += [f"  subgraph cluster_{index} {{", f"    label={_quoted(host)};"]
        lines += [f"    {_box(item)}" for item in _on(ir, host)]
        lines.append("  }")
    lines += [f"  {_arrow(edge)}" for edge in sorted(ir.edges)]
    return "\n".join([*lines, "}"]) + "\n"


def _on(ir: IR, host: str) -> Iterable[Resource]:
    return (item for _, item in sorted(ir.resources.items()) if item.host == host)


def _box(resource: Resource) -> str:
    name = resource.address.removesuffix(f"@{resource.host}")
    style = "" if resource.when is None else ", style=dashed"
    return f"{_quoted(resource.address)} [label={_quoted(name)}{style}];"


def _arrow(edge: Edge) -> str:
    return (
        f"{_quoted(edge.before)} -> {_quoted(edge.after)} [style={_STYLES[edge.type]}, tooltip={_quoted(edge.type)}];"
    )


def _quoted(text: str) -> str:
    """A DOT string: nothing in it ends it, starts an escape of Graphviz, or controls a terminal."""
    shown = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
