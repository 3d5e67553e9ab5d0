"""From real files to the IR: positions, sources and templates of a project on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from aivp.compile import compile_project
from aivp.config.load import load
from aivp.diagnostics import Refused

from .run import REGISTRY

GOOD = """\
aivp: v1
project: demo
variables: {port: {type: integer, default: 80}}
values: {motd: "port ${var.port}"}
secrets: {db: {env: DB}}
hosts:
  lab: {transport: local}
resources:
  file.motd: {path: /etc/motd, content: "${values.motd}"}
  file.site:
    path: /etc/site
    template: site.j2
    vars: {port: "${var.port}"}
    notify: [service.web]
  file.env: {path: /etc/env, content: "P=${secret.db}"}
  service.web: {running: true}
"""
WRONG = """\
aivp: v1
project: demo
hosts:
  lab: {transport: local}
resources:
  file.a:
    path: a
    ownr: root
    content: "x ${file.b.path} ${var.prot}"
  file.b: {path: /b, mode: 3}
  noop.c:
    depends_on: [file.a, file.z]
    input: "${file.a.digest.x[0]}"
"""


def project(folder: Path, text: str) -> Path:
    (folder / "aivp.yaml").write_text(text)
    (folder / "site.j2").write_text("listen {{ port }};\n")
    return folder


def test_a_project_on_disk_compiles(tmp_path: Path) -> None:
    compiled = compile_project(load(project(tmp_path, GOOD)), REGISTRY)
    found = compiled.ir.resources
    assert found["file.motd@lab"].attributes["content"] == "port 80"
    assert found["file.site@lab"].attributes["content"] == "listen 80;\n"
    assert str(compiled.sources.span("file.site@lab", "vars", "port")) == "aivp.yaml:13:18"
    assert str(compiled.sources.span("file.site@lab")) == "aivp.yaml:10:3"


def test_moving_lines_and_members_changes_nothing(tmp_path: Path) -> None:
    first = compile_project(load(project(tmp_path, GOOD)), REGISTRY).ir.encode()
    head, _, tail = GOOD.partition("resources:\n")
    service = "  service.web: {running: true}\n"
    other = f"# a comment\n{head}\n\nresources:\n{service}{tail.replace(service, '')}"
    assert compile_project(load(project(tmp_path, other)), REGISTRY).ir.encode() == first


def test_all_mistakes_have_their_places(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        compile_project(load(project(tmp_path, WRONG)), REGISTRY)
    assert [f"{item.span} {item.code}" for item in caught.value.diagnostics] == [
        "aivp.yaml:7:11 AIVP0302",
        "aivp.yaml:8:5 AIVP0301",
        "aivp.yaml:9:14 AIVP0202",
        "aivp.yaml:10:28 AIVP0302",
        "aivp.yaml:12:26 AIVP0203",
    ]
