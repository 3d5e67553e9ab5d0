"""What dataclasses compile is kept where bytecode is kept, and nothing depends on its being there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_COUNT = """
import builtins, sys
count, compiled = 0, builtins.compile
def counting(*given, **named):
    global count
    count += given[1] == "<string>"
    return compiled(*given, **named)
builtins.compile = counting
import aivp.cli.main
from aivp.cli.compiled import Compiled
kept = Compiled()
kept.install()
import aivp.model.resource
kept.keep()
Host = aivp.model.resource.Host
assert Host("h", "local", {}) == Host("h", "local", {}) != Host("h", "ssh", {})
print(count)
"""


def texts(folder: Path, **given: str) -> int:
    """How many a process compiled that keeps its bytecode below `folder`."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"PYTHONPYCACHEPREFIX": str(folder), **given}
    done = subprocess.run([sys.executable, "-c", _COUNT], env=environ, capture_output=True, text=True, check=True)
    return int(done.stdout)


def kept(folder: Path) -> Path:
    (found,) = folder.rglob("*.texts")
    return found


def test_what_was_compiled_once_is_not_compiled_again(tmp_path: Path) -> None:
    assert texts(tmp_path) > 10
    assert texts(tmp_path) == 0


@pytest.mark.parametrize("rubbish", [b"", b"\0" * 100, b"\xff" * 100, b"i\1\0\0\0"])
def test_what_a_power_cut_left_is_made_anew(tmp_path: Path, rubbish: bytes) -> None:
    texts(tmp_path)
    kept(tmp_path).write_bytes(rubbish)
    assert texts(tmp_path) > 10
    assert texts(tmp_path) == 0


@pytest.mark.parametrize("byte", [0, 4, -40])
def test_one_lost_byte_or_another_python_and_it_is_made_anew(tmp_path: Path, byte: int) -> None:
    """Of the magic number, of the checksum, of the code itself."""
    texts(tmp_path)
    damaged = bytearray(kept(tmp_path).read_bytes())
    damaged[byte] ^= 0x55
    kept(tmp_path).write_bytes(damaged)
    assert texts(tmp_path) > 10
    assert texts(tmp_path) == 0


def test_where_no_bytecode_may_be_written_none_of_this_is(tmp_path: Path) -> None:
    texts(tmp_path, PYTHONDONTWRITEBYTECODE="1")
    assert not list(tmp_path.rglob("*.texts"))
    (tmp_path / "file").touch()
    assert texts(tmp_path / "file") > 10
