"""Unit files against links and against what systemd has read, in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from aivp_host.services.unit_files import has_unread, lacks_links, wanted_by

ETC, LIB = "etc/systemd/system", "usr/lib/systemd/system"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in (ETC, LIB):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def write(root: Path, path: str, text: str = "") -> str:
    target = root / path
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)
    return str(target)


def test_wanted_by(root: Path) -> None:
    text = """\
[Unit]
WantedBy=not.this
[Install]
# WantedBy=nor.this
WantedBy = a.target \\
  b.target
RequiredBy=c.target
"""
    drop_in = write(root, f"{ETC}/demo.service.d/x.conf", "[Install]\nRequiredBy=\nRequiredBy=d.target\n")
    fragment = write(root, f"{LIB}/demo.service", text)
    assert wanted_by([fragment]) == {"wantedby": ["a.target", "b.target"], "requiredby": ["c.target"]}
    assert wanted_by([fragment, drop_in])["requiredby"] == ["d.target"]
    assert wanted_by(["/nonesuch"]) == {"wantedby": [], "requiredby": []}


def test_lacks_links(root: Path) -> None:
    fragment = write(root, f"{LIB}/demo.service", "[Install]\nWantedBy=a.target\nRequiredBy=b.target %i.target\n")
    write(root, f"{ETC}/a.target.wants/demo.service")
    assert lacks_links("demo.service", [fragment], str(root))
    write(root, f"{LIB}/b.target.requires/demo.service")
    assert not lacks_links("demo.service", [fragment], str(root))


def test_has_unread(root: Path) -> None:
    fragment = write(root, f"{LIB}/demo.service")
    assert not has_unread("demo.service", [fragment], str(root))
    drop_in = write(root, f"{ETC}/demo.service.d/x.conf")
    assert has_unread("demo.service", [fragment], str(root))
    assert not has_unread("demo.service", [fragment, drop_in], str(root))
    write(root, f"{ETC}/demo.service")
    assert has_unread("demo.service", [fragment, drop_in], str(root))


def test_has_unread_knows_templates(root: Path) -> None:
    fragment = write(root, f"{LIB}/demo@.service")
    assert not has_unread("demo@one.service", [fragment], str(root))
    write(root, f"{ETC}/demo@.service.d/x.conf")
    assert has_unread("demo@one.service", [fragment], str(root))


def test_what_is_not_from_a_file_has_nothing_unread(root: Path) -> None:
    assert not has_unread("demo.service", [], str(root))


def test_a_drop_in_that_is_masked_is_not_to_be_read(root: Path) -> None:
    fragment = write(root, f"{LIB}/demo.service")
    write(root, f"{LIB}/demo.service.d/x.conf")
    (root / f"{ETC}/demo.service.d").mkdir()
    (root / f"{ETC}/demo.service.d/x.conf").symlink_to("/dev/null")
    assert not has_unread("demo.service", [fragment], str(root))


def test_what_a_generator_made_is_left_to_it(root: Path) -> None:
    write(root, f"{ETC}/demo.service")
    assert not has_unread("demo.service", [str(root / "run/systemd/generator.early/demo.service")], str(root))
