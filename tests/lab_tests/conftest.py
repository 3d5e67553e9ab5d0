"""Fixtures of the lab's own tests: a host for a module, and what this machine has of the lab at a moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests import lab
from tests.lab.mounts import mounts
from tests.lab.places import Places, places
from tests.lab.processes import arguments, pids


@pytest.fixture(scope="session")
def needs_lab() -> None:
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def needs_network(needs_lab: None) -> None:
    reason = lab.network_available()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def host(needs_lab: None) -> Iterator[lab.Host]:
    with lab.host() as started:
        yield started


@pytest.fixture
def where() -> Places:
    return places(os.environ)


@pytest.fixture
def traces(where: Places) -> Callable[[str], list[str]]:
    """All that this machine has of the host of a name: folders, mounts, processes, control groups, namespaces."""

    def find(name: str) -> list[str]:
        found = []
        for folder in (where.hosts / name, where.networks / name):
            found += [f"folder {folder}"] if folder.exists() else []
            found += [f"mount {mount.point}" for mount in mounts() if mount.point.is_relative_to(folder)]
        found += [f"process {pid}" for pid in pids() if any(name.encode() in part for part in arguments(pid))]
        found += [f"entry {path}" for top in ("/run", "/sys/fs/cgroup") for path in _named(top, name)]
        return found

    return find


def _named(top: str, name: str) -> Iterator[str]:
    # Not by glob, which fails where another host's folder goes meanwhile.
    for folder, folders, files in os.walk(top):
        yield from (f"{folder}/{entry}" for entry in (*folders, *files) if name in entry)
