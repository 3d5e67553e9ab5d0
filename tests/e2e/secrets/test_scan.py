"""The scanner itself: what it would miss, no other test here could find."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.secrets.planted import SHAPES, Planted, make
from tests.e2e.secrets.scan import Scanner, Watch

FORMS = {
    "raw": lambda text: text.encode(),
    "base64, in the middle": lambda text: base64.b64encode(b"xx" + text.encode() + b"yyy"),
    "hex": lambda text: text.encode().hex().encode(),
    "url": lambda text: quote(text, safe="").encode(),
    "json": lambda text: json.dumps({"a": text}).encode(),
    "reversed": lambda text: text[::-1].encode(),
    "sha256": lambda text: hashlib.sha256(text.encode()).hexdigest().encode(),
    "md5 with a newline": lambda text: hashlib.md5(text.encode() + b"\n").digest(),
    "utf-16": lambda text: text.encode("utf-16-le"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_form_is_found_and_nothing_else(tmp_path: Path, shape: str) -> None:
    rng = random.Random()
    value = make(shape, rng)
    scanner = Scanner(Planted({"it": value}))
    scanner.text("innocent", Path(sys.executable).read_bytes()[:1_000_000] + make(shape, rng).encode())
    assert scanner.leaks == []
    is_tiny = len(value.encode()) < 9
    for name, form in FORMS.items():
        scanner.leaks.clear()
        (tmp_path / "file").write_bytes(b"before " + form(value) + b" behind")
        scanner.folder(tmp_path)
        assert scanner.leaks or (is_tiny and name in ("base64, in the middle", "url", "reversed")), name


def test_a_digest_of_a_whole_text_is_found() -> None:
    scanner = Scanner(Planted({}, {"file": "pw=tiny\n"}))
    scanner.text("log", b"sha256:" + hashlib.sha256(b"pw=tiny\n").hexdigest().encode())
    assert scanner.leaks


def test_a_value_over_several_pages_of_a_database_is_found(tmp_path: Path) -> None:
    value = "".join(make("plain", random.Random()) for _ in range(1000))
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.execute("INSERT INTO t VALUES (1, ?)", (f"x{value}y",))
    connection.close()
    scanner = Scanner(Planted({"it": value}))
    scanner.folder(tmp_path)
    assert any("(rows)" in leak for leak in scanner.leaks)


def test_the_name_of_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / "name-Xq7TrZ2k").touch()
    scanner = Scanner(Planted({"it": "Xq7TrZ2k"}))
    scanner.folder(tmp_path)
    assert scanner.leaks


def test_processes_are_seen() -> None:
    scanner = Scanner(Planted({"argument": "Xq7TrZ2k", "variable": "Yw8UsB3m"}))
    with Watch() as watch:
        subprocess.run(["/bin/sleep", "0.2"], env={"PW": "Yw8UsB3m"}, check=True)
        subprocess.run(["/bin/sh", "-c", "sleep 0.2; : Xq7TrZ2k"], env={}, check=True)
    scanner.processes(watch.samples, lambda name, sample: False)
    assert any("arguments of a process: argument" in leak for leak in scanner.leaks)
    assert any("environment of" in leak and "variable" in leak for leak in scanner.leaks)
