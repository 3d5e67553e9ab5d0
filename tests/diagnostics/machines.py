"""VMs at fault: folders that state knows, with a program that stands in for the real one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.cli.vms import Lab
from tests.diagnostics.stage import Stage


def _lab(stage: Stage, **outputs: object) -> Lab:
    (stage.root / "lab").mkdir()
    lab = Lab(stage.root / "lab")
    lab.make("web", **outputs)
    return lab


def _hear(stage: Stage, lab: Lab, *words: str) -> None:
    done = lab.run(*words)
    stage.hear((done.stderr + done.stdout).decode())


def gone(stage: Stage, bad: bool) -> None:
    lab = _lab(stage)
    if bad:
        lab.vms.joinpath("web").rename(lab.vms / "away")
    _hear(stage, lab, "vm", "start", "web")


def refused(stage: Stage, bad: bool) -> None:
    lab = _lab(stage)
    _hear(stage, lab, "vm", "snapshot", "web", "before")
    _hear(stage, lab, "vm", "restore", "web", "after" if bad else "before", "-y")


def no_key(stage: Stage, bad: bool) -> None:
    lab = _lab(stage, **({"host_keys": []} if bad else {}))
    lab.environ["AIVP_SSH"] = "true"
    _hear(stage, lab, "vm", "ssh", "web")


def babbling(stage: Stage, bad: bool) -> None:
    lab = _lab(stage)
    if bad:
        (lab.vms / "web/program/ctl.py").write_text("print('hello')")
    _hear(stage, lab, "vm", "list")


SITUATIONS: Mapping[str, Callable[[Stage, bool], None]] = {
    "AIVP0986": gone,
    "AIVP0987": refused,
    "AIVP0988": no_key,
    "AIVP0989": babbling,
}
