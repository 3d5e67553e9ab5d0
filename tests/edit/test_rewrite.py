"""Putting bytes in the place of a person's file: whole or not at all."""

import os
from pathlib import Path

import pytest

from aivp.diagnostics import Refused
from aivp.edit.rewrite import read_own, rewrite


def test_what_somebody_else_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"theirs")
    with pytest.raises(Refused) as refused:
        rewrite(str(path), b"what was read", b"ours")
    assert [item.code for item in refused.value.diagnostics] == ["AIVP0956"]
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["f.yaml"]


def test_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"before")
    path.chmod(0o600)
    rewrite(str(path), b"before", b"after")
    assert read_own(str(path)) == b"after"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["f.yaml"]
