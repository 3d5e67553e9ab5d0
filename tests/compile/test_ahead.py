"""Whom a project names outright, before it is compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from aivp.compile.ahead import hosts_ahead
from aivp.config.load import read

HOSTS = """
variables: {port: {type: integer, default: 2222}}
hosts:
  a: {transport: ssh, port: "${var.port}", labels: {role: web}}
  b: {transport: ssh, labels: {role: web}}
  c: {transport: local}
groups: {web: {labels: {role: web}}}
"""


def ahead(folder: Path, resource: str, hosts: str = HOSTS) -> list[str]:
    (folder / "aivp.yaml").write_text(f"aivp: v1\nproject: p\n{hosts}\nresources: {{file.x: {resource}}}\n")
    return [host.name for host in hosts_ahead(read(folder))]


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ("{host: a, path: /x}", ["a"]),
        ("{host: [c, a], path: /x}", ["a", "c"]),
        ("{host: web, path: /x}", ["a", "b"]),
        ("{host: a, path: /x, no_such_field: 1}", ["a"]),
        ("{path: /x}", []),
        ("{host: {labels: {role: web}}, path: /x}", []),
        ('{host: "${each.key}", for_each: [a, b], path: /x}', []),
        ('{host: "${var.port}", path: /x}', []),
        ("{host: a, when: no, path: /x}", []),
        ("{host: [a, nobody], path: /x}", ["a"]),
        ("17", []),
    ],
)
def test_names_that_stand_there(tmp_path: Path, resource: str, found: list[str]) -> None:
    assert ahead(tmp_path, resource) == found


@pytest.mark.parametrize(
    "hosts",
    [
        HOSTS.replace("var.port", "var.prot"),
        HOSTS.replace("${var.port}", "${secret.port}"),
        HOSTS.replace("transport: local", "transport: locl"),
        HOSTS.replace("labels: {role: web}}}", "lables: {role: web}}}"),
        HOSTS + "hostss: {}",
        HOSTS + "values: {x: '${values.x}'}\nsecrets: 1",
    ],
)
def test_nobody_where_files_hosts_or_groups_have_a_mistake(tmp_path: Path, hosts: str) -> None:
    assert ahead(tmp_path, "{host: b, path: /x}", hosts) == []


def test_the_way_to_a_host_is_the_one_that_compile_finds(tmp_path: Path) -> None:
    ahead(tmp_path, "{host: a, path: /x}")
    (host,) = hosts_ahead(read(tmp_path))
    assert host.connection == {"address": "a", "port": 2222}
