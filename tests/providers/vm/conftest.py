"""VMs of the tests: the smallest guest, a folder for them, and the certainty that none outlives its test."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_guest.client import Guest
from aivp_guest.ready import Ready
from aivp_sdk.testing import Config, Harness
from aivp_vm import keeping
from aivp_vm.machine import places, state
from aivp_vm.provider import PROVIDER

from tests.lab.errors import LabError
from tests.lab.helped_image import copy, helped_image
from tests.lab.machines import machines_available
from tests.lab.places import places as lab_places
from tests.lab.small_image import MARKER, small_image

BOOTS_WITHIN = 60.0


class Vms:
    """A harness over the provider, and what is really there."""

    def __init__(self, directory: Path, image: Path) -> None:
        self.directory = directory
        self.image = image
        self.harness = Harness(PROVIDER, {"folder": str(directory)})

    def config(self, name: str = "web", **fields: Any) -> dict[str, Any]:
        """A declaration of the smallest guest."""
        return {
            "name": name,
            "image": str(self.image),
            "memory": "128MiB",
            "acceleration": "tcg",
            "networks": [],
            **fields,
        }

    def create(self, name: str = "web", **fields: Any) -> dict[str, Any]:
        """Make one; its declaration."""
        config = self.config(name, **fields)
        self.harness.create("vm", config)
        return config

    def folder(self, name: str = "web") -> Path:
        return self.directory / keeping.VMS / name

    def seen(self, name: str = "web") -> state.Seen:
        return state.look(self.folder(name))

    def state(self, config: Config) -> Any:
        """What an observation says of its state."""
        observed = self.harness.observe("vm", config).observed
        return None if observed is None else observed["state"]

    def console(self, name: str = "web") -> str:
        path = self.folder(name) / places.CONSOLE_LOG
        return path.read_text(errors="replace") if path.exists() else ""

    def booted(self, name: str = "web", times: int = 1) -> None:
        """Wait until it said so on its console."""
        until(lambda: self.console(name).count(MARKER) >= times, f"the boot of {name}: {self.console(name)}")

    def close(self) -> None:
        self.harness.close()
        place = keeping.Place(self.directory)
        for folder in sorted((self.directory / keeping.VMS).glob("*")):
            keeping.remove(place, folder.name)


def until(holds: Callable[[], bool], what: str, within: float = BOOTS_WITHIN) -> None:
    """Wait for it."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def small() -> Path:
    """The folder of the smallest image; skips where it cannot be made here."""
    for program in ("qemu-system-x86_64", "qemu-img", "apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} here")
    try:
        return small_image(lab_places(os.environ))
    except LabError as error:
        pytest.skip(f"no kernel for a guest: {error}")


@pytest.fixture
def vms(tmp_path: Path, small: Path) -> Iterator[Vms]:
    image = tmp_path / "image"
    shutil.copytree(small, image, copy_function=os.link)  # its marks of use are the test's own
    made = Vms(tmp_path / "vm", image)
    yield made
    made.close()


class Herd(Vms):
    """VMs with a template, `golden`, which boots when it is first asked for."""

    golden: dict[str, Any]

    def clone(self, name: str, **fields: Any) -> dict[str, Any]:
        """A clone of it; its declaration."""
        config: dict[str, Any] = {"name": name, "clone_of": str(self.folder("golden")), **fields}
        self.harness.create("vm", config)
        return config

    def end_clones(self) -> None:
        for path in sorted((self.directory / "vms").glob("[!.]*")):
            if path.name != "golden":
                keeping.remove(keeping.Place(self.directory), path.name)

    def facts(self, name: str) -> tuple[Ready, bytes, bytes]:
        """What it is, its next random bytes, and its cards."""
        with Guest(self.folder(name) / places.GUEST) as guest:
            found = guest.facts()
            random = guest.run(["head", "-c", "32", "/dev/urandom"]).stdout
            return found, random, guest.run(["sh", "-c", "cat /proc/net/if_inet6"]).stdout


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Herd]:
    reason = machines_available()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("herd")
    try:
        source = helped_image(lab_places(os.environ), os.environ)
    except LabError as error:
        pytest.skip(f"no guest: {error}")
    made = Herd(folder / "vm", copy(source, folder / "image"))
    try:
        made.golden = made.create("golden", memory="256MiB", networks=None, template=True)
        yield made
    finally:
        made.end_clones()
        made.close()


@pytest.fixture
def herd(golden: Herd) -> Iterator[Herd]:
    """Clones of a test end with it."""
    yield golden
    golden.end_clones()
