"""All mistakes at once: whatever can be told despite the others is told in one go, in the order of the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from aivp.compile import compile_project
from aivp.config.load import read
from aivp.diagnostics import Diagnostic, Refused
from aivp.plugins import Registry

from .run import REGISTRY

ROOT = """\
aivp: v1
project: lab
include: [rest.yaml]
variables:
  port: {type: integer, default: eighty}
secrets:
  db: {envv: DB}
hosts:
  lab: {transport: locl}
groups:
  web: {hosts: [lap]}
resources:
  fil.a: {path: /a, content: "${var.prt}"}
  file.b: {path: relative, mdoe: "0644", content: "${var.port} ${secret.db}"}
"""

REST = """\
resources:
  file.c:
    host: nowhere
    path: /c
    content: "${fil.a.path} ${file.b.pat}"
    lifecycle: {retian: true}
    depends_on: [file.x, fil.a]
  file.d:
    host: web
    for_each: [a, a]
    path: "/d/${each.key}"
    ownr: "${host.vars.who}"
moved:
  - {from: file.c-old, to: file.c}
"""

EXPECTED = [
    ("aivp.yaml:5:34", "AIVP0142", ""),
    ("aivp.yaml:7:8", "AIVP0123", "Did you mean env?"),
    ("aivp.yaml:9:20", "AIVP0211", "Did you mean local?"),
    ("aivp.yaml:11:17", "AIVP0210", "Did you mean lab?"),
    ("aivp.yaml:13:3", "AIVP0300", "Did you mean file?"),
    ("aivp.yaml:13:30", "AIVP0202", "Did you mean port?"),
    ("aivp.yaml:14:18", "AIVP0302", ""),
    ("aivp.yaml:14:28", "AIVP0301", "Did you mean mode?"),
    ("rest.yaml:3:11", "AIVP0210", "Declared: lab, web."),
    ("rest.yaml:5:14", "AIVP0203", "Did you mean path?"),
    ("rest.yaml:6:25", "AIVP0211", "Did you mean retain?"),
    ("rest.yaml:7:18", "AIVP0203", "Did you mean file.d, file.c or file.b?"),
    ("rest.yaml:10:19", "AIVP0209", ""),
    ("rest.yaml:12:5", "AIVP0301", "Did you mean owner?"),
]


def found(folder: Path, **files: str) -> list[Diagnostic]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    try:
        compile_project(read(folder), REGISTRY)
    except Refused as refused:
        return list(refused.diagnostics)
    return []


def test_a_dozen_mistakes_are_told_at_once_by_file_and_position(tmp_path: Path) -> None:
    told = [(str(item.span), item.code, item.mend) for item in found(tmp_path, aivp=ROOT, rest=REST)]
    assert told == EXPECTED


def test_what_may_stand_in_a_broken_file_is_no_mistake(tmp_path: Path) -> None:
    root = "aivp: v1\nproject: lab\ninclude: [rest.yaml]\nhosts: {lab: {transport: local}}\nresources:\n"
    root += '  file.a: {path: "${var.x}", mdoe: "1", content: "${file.z.path}", host: other}\n'
    told = found(tmp_path, aivp=root, rest="variables: {x: {type: string}\nhosts: [\n")
    assert [(str(item.span), item.code) for item in told] == [
        ("aivp.yaml:6:30", "AIVP0301"),
        ("rest.yaml:2:1", "AIVP0107"),
    ]


def test_another_language_is_not_read_as_this_one(tmp_path: Path) -> None:
    root = 'aivp: v1\nproject: lab\nrequires: {aivp: ">=9"}\nresources: {nothing.a: {}}\n'
    assert [item.code for item in found(tmp_path, aivp=root)] == ["AIVP0127"]


def test_one_mistake_is_told_once_however_many_depend_on_it(tmp_path: Path) -> None:
    root = "aivp: v1\nproject: lab\nhosts: {lab: {transport: local}}\nresources:\n  nothing.a: {}\n"
    root += '  file.b: {path: "${nothing.a.x}", content: "${nothing.a[*].y}", depends_on: nothing.a}\n'
    root += "removed: [{address: nothing.a}]\nimport: [{address: nothing.a, identity: x}]\n"
    assert [item.code for item in found(tmp_path, aivp=root)] == ["AIVP0300"]


def test_first_party_kinds_are_as_talkative(tmp_path: Path) -> None:
    (tmp_path / "aivp.yaml").write_text(ROOT)
    (tmp_path / "rest.yaml").write_text(REST)
    with pytest.raises(Refused) as caught:
        compile_project(read(tmp_path), Registry.discover())
    assert [str(item.span) for item in caught.value.diagnostics] == [place for place, _, _ in EXPECTED]
