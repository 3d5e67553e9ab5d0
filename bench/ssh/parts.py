"""The parts that need hosts over SSH: measured into results, with what they were measured on.

`Results.ssh`: `machine` and `began` as of the whole run, `load` at the beginning and the end of each part, `peers` with
versions, `without` where there are none, `missing` where no host can be started, `turns` by tool at the longest delay.
"""

from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench.machine import describe
from bench.results import Results
from bench.ssh.compare import compare
from bench.ssh.fleet import SIZES, fleet
from bench.ssh.latency import DELAYS, latency
from bench.ssh.peers import Peers, peers
from bench.ssh.site import site
from bench.ssh.tools import tools
from tests import lab

MATRIX = {"ssh/1x100": (1, 100), "ssh/10x20": (10, 20)}
"""Part → hosts, files on each."""

PARTS = (*MATRIX, "ssh/latency", "ssh/fleet")
ROUNDS, QUICK_ROUNDS = 9, 3
QUICK_SIZES = (1, 10, 20, 40)
OURS = ("floor", "aivp")

Note = Callable[[str], None]


def measure_part(part: str, results: Results, folder: Path, rounds: int, note: Note, *, quick: bool) -> None:
    """One part, into `results`. Hosts are gone at its end, also where it fails."""
    reason = lab.network_available()
    if reason is not None:
        note(f"{part}: {reason}")
        results.ssh["missing"] = reason
        return
    began = round(os.getloadavg()[0], 1)
    results.ssh.setdefault("began", datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
    results.ssh["machine"] = {**describe(), "OpenSSH": _openssh()}
    place = folder / part.replace("/", "-")
    place.mkdir(parents=True)
    rounds = min(rounds, QUICK_ROUNDS if quick else ROUNDS)
    if part == "ssh/fleet":
        for count, operation, sample in fleet(place, QUICK_SIZES if quick else SIZES, note):
            results.add((part, count, operation, "aivp"), sample)
    elif part == "ssh/latency":
        _latency(part, results, place, rounds, note)
    else:
        _compare(part, results, place, rounds, note, quick=quick)
    results.ssh.setdefault("load", {})[part] = [began, round(os.getloadavg()[0], 1)]


def _compare(part: str, results: Results, place: Path, rounds: int, note: Note, *, quick: bool) -> None:
    hosts, count = MATRIX[part]
    others = peers()
    results.ssh["peers"] = dict(others.versions)
    results.ssh["without"] = others.reason
    if others.reason:
        note(f"without pyinfra and Ansible: {others.reason}")
    with site(place, hosts) as where:
        everyone = tools(where, count, others, rounds, quick=quick)
        for operation, tool, sample in compare(where, everyone, count, rounds, note):
            results.add((part, hosts * count, operation, tool), sample)


def _latency(part: str, results: Results, place: Path, rounds: int, note: Note) -> None:
    turns: dict[str, list[int]] = {name: [] for name in OURS}
    with site(place, 1) as where:
        two = [tool for tool in tools(where, 100, Peers(None, {}), rounds) if tool.name in OURS]
        for delay, tool, sample, count in latency(where, two, rounds, note):
            results.add((part, delay, "plan", tool), sample)
            if delay == DELAYS[-1]:
                turns[tool].append(count)
    results.ssh["turns"] = turns


def _openssh() -> str:
    """`ssh -V` says it on stderr."""
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr
    return said.partition(",")[0].strip()
