"""A throwaway host for a test, and examples copied to where they may leave state, with that host as their channel."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.examples.project import EXAMPLES, Project

CopyExample = Callable[..., Project]


@pytest.fixture
def host() -> Iterator[lab.Host]:
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)
    with lab.host() as started:
        yield started


@pytest.fixture
def example(tmp_path: Path) -> CopyExample:
    """`example("02-web-server", host)`: a copy that knows the way to `host`."""

    def copy(name: str, host: lab.Host | None = None) -> Project:
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".aivp"))
        environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "AIVP_HOST_STATE": str(tmp_path / "host"),
        }
        if host is not None:
            environ["AIVP_VAR_channel"] = json.dumps(host.argv)
        return Project(folder, environ)

    return copy
