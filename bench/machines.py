"""How long VMs take to be ready: cold against bare QEMU, warm against cold and against a restore by hand.

All rounds alternate. Ready is when the guest helper said that the guest is what it shall be. Without QEMU, or a guest
that can be made here, the part says so and measures nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from aivp_vm import disks, image, keeping, record
from aivp_vm.declaration import Vm

from bench import bare_qemu
from bench.measure import AIVP, measure
from bench.promise import Target
from bench.table import table
from tests.lab.errors import LabError
from tests.lab.helped_image import copy, helped_image
from tests.lab.machines import machines_available
from tests.lab.places import places

Figures = dict[str, list[float]]
"""What was measured → seconds of each round (counts for `requests`); empty where nothing can be measured."""

CROWD, VMS = 8, 200
COLD, WARM, HAND, LINK, CPU = 1.1, 20.0, 1.5, 3.0, 2.0
_MEMORY = 384 << 20
_ROUNDS = {"cold": 3, "warm": 7, "link": 15, "plan": 3}


def measured(folder: Path, say: Callable[[str], None]) -> Figures:
    """All figures of this part. folder: an empty one."""
    reason = machines_available()
    if reason is not None:
        say(f"machines: {reason}")
        return {}
    try:
        source = copy(helped_image(places(os.environ), os.environ, systemd=True), folder / "image")
    except LabError as error:
        say(f"machines: {error}")
        return {}
    found: Figures = {}
    say("machines: cold")
    _cold(source, folder, found)
    say("machines: warm")
    _warm(source, folder, found)
    say("machines: linked clones")
    _links(source, folder, found)
    say(f"machines: a plan of {VMS}")
    _plan(source, folder, found)
    return found


def _cold(source: Path, folder: Path, found: Figures) -> None:
    place = keeping.Place(folder / "cold")
    image.verify(source, place.directory)  # bare QEMU does not: it is read once, not at each boot
    base = Path(image.read(source).disk)
    for number in range(_ROUNDS["cold"]):
        name = f"cold{number}"
        _add(found, "cold", partial(keeping.bring, place, _vm(name, source), {}, True, lambda: False))
        made = record.read(place.folder(name))
        keeping.remove(place, name)
        assert made is not None
        assert made.machine is not None
        found.setdefault("cold bare", []).append(bare_qemu.script("boot", made.machine, base, folder / f"bare{number}"))


def _warm(source: Path, folder: Path, found: Figures) -> None:
    place = keeping.Place(folder / "warm")
    image.verify(source, place.directory)
    golden = _vm("golden", source, template=True)
    keeping.bring(place, golden, {"image": str(source), "memory": _MEMORY, "networks": []}, True, lambda: False)
    template = place.folder("golden")
    try:
        for number in range(_ROUNDS["warm"]):
            name = f"warm{number}"
            wanted = _clone(name, template)
            _add(found, "warm", partial(keeping.bring, place, wanted, {}, True, lambda: False))
            made = record.read(place.folder(name))
            keeping.remove(place, name)
            assert made is not None
            assert made.machine is not None
            found.setdefault("warm hand", []).append(
                bare_qemu.script("restore", made.machine, template, folder / f"hand{number}")
            )
        names = [f"crowd{number}" for number in range(CROWD)]
        with ThreadPoolExecutor(CROWD) as pool:
            began = time.perf_counter()

            def bring(name: str) -> float:
                keeping.bring(place, _clone(name, template), {}, True, lambda: False)
                return time.perf_counter() - began

            found["crowd"] = sorted(pool.map(bring, names))
    finally:
        for path in sorted((place.directory / keeping.VMS).glob("[!.]*"), key=lambda path: path.name == "golden"):
            keeping.remove(place, path.name)


def _links(source: Path, folder: Path, found: Figures) -> None:
    picture = image.read(source)
    for number in range(_ROUNDS["link"]):
        ours, theirs = folder / f"links/ours{number}", folder / f"links/theirs{number}/root.qcow2"
        ours.mkdir(parents=True)
        _add(found, "link", partial(disks.make_root, ours, picture))
        found.setdefault("link bare", []).append(bare_qemu.overlay(theirs, Path(picture.disk), picture.format))


def _plan(source: Path, folder: Path, found: Figures) -> None:
    """VMs that are declared as stopped: each has its folder, record and overlay, and no process."""
    project = folder / "project"
    project.mkdir()
    lines = [
        *("aivp: v1", "project: fleet", "hosts: {here: {transport: local}}"),
        *(f"providers: {{vm: {{folder: {folder / 'fleet'}}}}}", "resources:"),
        "  vm.node:",
        f"    for_each: {json.dumps([str(number) for number in range(VMS)])}",
        f"    name: node-${{each.key}}\n    image: {source}\n    state: stopped\n    acceleration: tcg",
    ]
    (project / "aivp.yaml").write_text("\n".join(lines) + "\n")
    measure([AIVP, "apply", "-y"], project, limit=900)
    for _ in range(_ROUNDS["plan"]):
        sample = measure([AIVP, "plan", "--detailed-exitcode"], project, interval=1)
        found.setdefault("plan cpu", []).append(sample.cpu)
        found.setdefault("plan wall", []).append(sample.wall)


def _vm(name: str, source: Path, **fields: Any) -> Vm:
    return Vm(name=name, image=str(source), memory=_MEMORY, networks=[], acceleration="tcg", **fields)


def _clone(name: str, template: Path) -> Vm:
    return Vm(name=name, clone_of=str(template), networks=[])


def _add(found: Figures, what: str, work: Callable[[], object]) -> None:
    begun = time.perf_counter()
    work()
    found.setdefault(what, []).append(time.perf_counter() - begun)


def targets(figures: Figures) -> list[Target]:
    """What issue 7 asks for."""
    return [
        _target("a VM's cold boot to ready over bare QEMU's", figures, "cold", "cold bare", COLD),
        _target("cold boot over warm start of a VM", figures, "cold", "warm", WARM, is_least=True),
        _target("warm start over a restore by hand", figures, "warm", "warm hand", HAND),
        _target("a linked clone over qemu-img create -b", figures, "link", "link bare", LINK),
        _seconds(f"plan of {VMS} unchanged VMs: CPU seconds", figures, "plan cpu", CPU),
    ]


def section(figures: Figures) -> list[str]:
    """The tables of the report."""
    said = {
        "cold": "cold boot to ready",
        "cold bare": "the same, bare QEMU",
        "warm": "warm start to ready",
        "warm hand": "the same by hand",
        "link": "linked clone",
        "link bare": "qemu-img create -b",
        "plan wall": f"aivp plan of {VMS} unchanged VMs",
    }
    rows = [
        [words, f"{statistics.median(figures[name]):.3f}", f"{min(figures[name]):.3f}", f"{max(figures[name]):.3f}"]
        for name, words in said.items()
        if figures.get(name)
    ]
    found = list(table(["", "median s", "least", "most"], rows))
    crowd = figures.get("crowd")
    if crowd:
        found += [f"\n{CROWD} warm clones asked for at once, each ready after so many seconds:\n"]
        numbers = [str(number + 1) for number in range(len(crowd))]
        found += table(numbers, [[f"{seconds:.2f}" for seconds in crowd]])
    return found


def _target(promise: str, figures: Figures, above: str, below: str, bound: float, *, is_least: bool = False) -> Target:
    words = f"at {'least' if is_least else 'most'} {bound:g}"
    if not figures.get(above) or not figures.get(below):
        return Target(promise, words, "not measured", None)
    value = statistics.median(figures[above]) / statistics.median(figures[below])
    return Target(promise, words, f"{value:.2f}", value >= bound if is_least else value <= bound)


def _seconds(promise: str, figures: Figures, name: str, bound: float) -> Target:
    if not figures.get(name):
        return Target(promise, f"at most {bound:g}", "not measured", None)
    value = statistics.median(figures[name])
    return Target(promise, f"at most {bound:g}", f"{value:.2f}", value <= bound)
