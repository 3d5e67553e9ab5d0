"""`file` on the oldest Python that a host may have, and on a throwaway host, shipped over a byte channel."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import lab
from tests.providers.driver import Driver, RemoteDriver
from tests.providers.host.disk import PROVIDER

MATRIX: dict[str, list[dict[str, Any]]] = {
    "file": [{"content": "hello\n", "mode": "0640", "create_parents": True, "validate": ["test", "-s", "%s"]}],
    "edit": [
        {"content": "a\n"},
        {"lines": [{"line": "b"}], "blocks": [{"name": "n", "content": "c"}]},
    ],
    "link": [{"state": "link", "target": "file"}],
    "tree": [
        {"state": "directory"},
        {"state": "directory", "purge": True, "recurse": True, "file_mode": "0600"},
        {"content": "x", "force": True, "backup": True},
        {"state": "absent"},
    ],
}


def walk_matrix(driver: Driver, folder: str) -> None:
    for name, passes in MATRIX.items():
        for config in passes:
            driver.converge("file", {"path": f"{folder}/{name}", "create_parents": True, **config}).check()


def test_oldest_python(tmp_path: Path) -> None:
    python = os.environ.get("AIVP_OLDEST_PYTHON", "python3.9")
    if shutil.which(python) is None or subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode:
        pytest.skip("needs python3.9 (or its path in AIVP_OLDEST_PYTHON)")
    script = tmp_path / "bin/python3"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    script.chmod(0o755)
    with RemoteDriver(PROVIDER, ["env", f"PATH={script.parent}:{os.environ['PATH']}"]) as driver:
        walk_matrix(driver, str(tmp_path.resolve() / "root"))
    assert (tmp_path / "root/file").read_text() == "hello\n"


@pytest.mark.lab
def test_throwaway_host() -> None:
    reason = lab.available(lab.DEFAULT_SUITE)
    if reason is not None:
        pytest.skip(reason)
    with lab.host(lab.DEFAULT_SUITE) as host, RemoteDriver(PROVIDER, host.argv) as driver:
        walk_matrix(driver, "/srv/files")
        config: dict[str, Any] = {
            "path": "/srv/files/owned",
            "content": "x",
            "owner": "www-data",
            "group": "adm",
            "mode": "0640",
        }
        driver.converge("file", config).check()
        assert host.run(["stat", "-c", "%U:%G %a", "/srv/files/owned"]).stdout == "www-data:adm 640\n"
        config = {"path": "/etc/motd", "lines": [{"line": "managed by aivp"}]}
        driver.converge("file", config).check()
        assert host.read("/etc/motd").endswith("managed by aivp\n")
        driver.converge("file", {"path": "/etc/aivp/a/b", "content": "x", "create_parents": True}).check()
