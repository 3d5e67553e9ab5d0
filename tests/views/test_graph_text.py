from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from aivp.model.expression import Fact
from aivp.model.resource import IR, Edge, Host, Resource
from aivp.views.graph_text import graph_dot, graph_json

EVIL = 'noop.x["]; \\" evil\n\x1b[31m"]@lab'


def ir() -> IR:
    resources = [
        Resource("file.a@lab", "file", "lab", {"path": "/a"}),
        Resource("service.b@lab", "service", "lab", {}, {"test": Fact("lab", ("arch",)), "any_of": ["x"]}),
        Resource(EVIL, "noop", "lab", {}),
        Resource("noop.c@edge", "noop", "edge", {}),
    ]
    edges = [Edge("file.a@lab", "service.b@lab", "notify"), Edge(EVIL, "noop.c@edge", "reference")]
    hosts = {name: Host(name, "local") for name in ("edge", "lab")}
    return IR("demo", "main", hosts, {item.address: item for item in sorted(resources, key=lambda r: r.address)}, edges)


def test_json_holds_resources_and_edges_on_one_line() -> None:
    text = graph_json(ir())
    assert text.count("\n") == 1
    found = json.loads(text)
    assert found["edges"][0] == ["file.a@lab", "service.b@lab", "notify"]
    assert found["resources"]["service.b@lab"] == {"kind": "service", "host": "lab", "conditional": True}


def test_dot_quotes_whatever_stands_in_names() -> None:
    text = graph_dot(ir())
    assert '"file.a@lab" -> "service.b@lab" [style=dashed, tooltip="notify"];' in text
    assert '"service.b@lab" [label="service.b", style=dashed];' in text
    assert "\x1b" not in text
    assert '\\\\\\" evil' in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="dot of Graphviz is not installed")
def test_dot_reads_it() -> None:
    subprocess.run(["dot", "-Tcanon"], input=graph_dot(ir()).encode(), check=True, capture_output=True)
