"""A purged folder leaves alone what others declare beneath it."""

from __future__ import annotations

from pathlib import Path

from aivp.compile import compile_project
from aivp.config.load import load
from aivp.plugins import Registry

PROJECT = """\
aivp: v1
project: purge
hosts: {lab: {transport: local}, other: {transport: local}}
resources:
  file.folder: {host: lab, path: /srv/d, state: directory, purge: PURGE, keep: [mine]}
  file.inside: {host: lab, path: /srv/d/inside, content: x}
  file.deep: {host: lab, path: /srv/d/a/b, content: x}
  file.gone: {host: lab, path: /srv/d/gone, state: absent}
  file.beside: {host: lab, path: /srv/dd, content: x}
  file.elsewhere: {host: other, path: /srv/d/elsewhere, content: x}
"""


def kept(folder: Path, purge: str) -> object:
    (folder / "aivp.yaml").write_text(PROJECT.replace("PURGE", purge))
    ir = compile_project(load(folder), Registry.discover()).ir
    return ir.resources["file.folder@lab"].attributes.get("keep")


def test_others_beneath_are_kept(tmp_path: Path) -> None:
    assert kept(tmp_path, "true") == ["/srv/d/a/b", "/srv/d/inside", "mine"]


def test_without_purge_nothing_is_added(tmp_path: Path) -> None:
    assert kept(tmp_path, "false") == ["mine"]
