"""The kind `vm` against the conformance kit: VMs that are made and do not run, of an image that only looks like one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aivp_sdk import manifest
from aivp_vm.provider import PROVIDER

from tests.providers.driver import REPOSITORY

PACKAGE = REPOSITORY / "providers/vm"
IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"
SOME = "read-only deterministic create update unasked again once delete partial list".split()
"""Checks that are had in every run; all of them are in the full matrix."""


def test_the_manifest_is_what_the_code_says() -> None:
    assert (PACKAGE / "aivp_vm/manifest.json").read_text() == manifest.text(PROVIDER)


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="there is no qemu-img here")
def test_kit(tmp_path: Path) -> None:
    form = {**json.loads(manifest.text(PROVIDER)), "protocol": 1, "start": {"any": ["python3"]}}
    (tmp_path / "manifest.json").write_text(json.dumps(form))
    (tmp_path / "conformance.json").write_bytes((PACKAGE / "conformance.json").read_bytes())
    options = ["--patience", "120"] if IS_FULL else [word for name in SOME for word in ("--only", name)]
    options += [] if IS_FULL else ["--examples", "4", "--moments", "3"]
    argv = [sys.executable, "-m", "aivp_conformance", str(tmp_path), *options, "--", sys.executable, "-m", "aivp_vm"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
