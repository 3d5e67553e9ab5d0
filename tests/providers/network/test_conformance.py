"""The kind `network` against the conformance kit, in mode user and inside a network namespace that nobody else has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aivp_network.provider import PROVIDER
from aivp_sdk import manifest

from tests.providers.driver import REPOSITORY

PACKAGE = REPOSITORY / "providers/network"
IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"
SOME = "read-only create update unasked again delete list".split()
"""Checks that are had in every run; all of them are in the full matrix."""


def test_the_manifest_is_what_the_code_says() -> None:
    assert (PACKAGE / "aivp_network/manifest.json").read_text() == manifest.text(PROVIDER)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make network namespaces")
def test_kit(tmp_path: Path) -> None:
    form = {**json.loads(manifest.text(PROVIDER)), "protocol": 1, "start": {"any": ["python3"]}}
    (tmp_path / "manifest.json").write_text(json.dumps(form))
    (tmp_path / "conformance.json").write_bytes((PACKAGE / "conformance.json").read_bytes())
    options = [] if IS_FULL else [word for name in SOME for word in ("--only", name)]
    options += [] if IS_FULL else ["--examples", "2"]
    argv = ["unshare", "--net", sys.executable, "-m", "aivp_conformance", str(tmp_path), *options]
    argv += ["--", sys.executable, "-m", "aivp_network"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
