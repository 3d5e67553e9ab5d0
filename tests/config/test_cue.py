"""The bounds of the process: limits are small here, what is tested is that each of them ends in a diagnostic."""

import os
import time
from pathlib import Path

import pytest

from aivp.config.cue import VERSION, Cue, Limits, find_cue
from aivp.config.documents import Package
from aivp.config.packages import export
from aivp.config.staging import Module
from aivp.diagnostics import Diagnostics, Refused, Span
from tests.config.conftest import MakeProject, told

SPAN = Span("aivp.yaml", 3, 11)

LONG = "x: [for i in list.Range(0, 100000, 1) for j in list.Range(0, 100000, 1) if i == j {i}]"

# what is evaluated, within which limits, and how it ends
ENDLESS = [
    (LONG, Limits(cpu=1), "it used more than 1 seconds of CPU"),
    (LONG, Limits(wall=0.3), "it took longer than 0.3 seconds"),
    ("x: [for i in list.Range(0, 30000000, 1) {i}]", Limits(memory=100 << 20), "it needed more than 100 MiB of memory"),
    (
        'x: [for i in list.Range(0, 5000, 1) {"01234567890123456789"}]',
        Limits(output=1 << 16),
        "it printed more than 0.06",
    ),
]


def evaluate(project: MakeProject, source: str, limits: Limits | None = None) -> str:
    root = project(
        {
            "cue.mod/module.cue": 'module: "example.com/lab"\nlanguage: version: "v0.9.0"\n',
            "site/a.cue": f'package site\n\nimport "list"\n_list: list.Range(0, 1, 1)\n{source}\n',
        }
    )
    found = Diagnostics()
    document = export(find_cue(None, limits), root, Package("site", SPAN), "main", {}, found)
    assert (document is None) == found.has_errors
    return told(found)


@pytest.mark.usefixtures("cue")
@pytest.mark.parametrize(("source", "limits", "end"), ENDLESS)
def test_endless_evaluation_ends(project: MakeProject, source: str, limits: Limits, end: str) -> None:
    start = time.monotonic()
    said = evaluate(project, source, limits)
    assert said.startswith(f"AIVP0154 aivp.yaml:3:11\n  The evaluation of the CUE package site was ended: {end}")
    assert time.monotonic() - start < 20


@pytest.mark.usefixtures("cue")
@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("_f: {x: int, out: (_f & {x: x + 1}).out}\ny: (_f & {x: 0}).out", "structural cycle"),
        ("a: b + 1\nb: a + 1", "cycle with field"),
        ("a: {b: a}", "structural cycle"),
        ("x: string @tag(x,var=hostname)", "incomplete value"),
    ],
)
def test_what_cue_finds_itself(project: MakeProject, source: str, part: str) -> None:
    said = evaluate(project, source)
    assert said.startswith("AIVP0153 ")
    assert part in said


@pytest.mark.usefixtures("cue")
def test_nothing_of_the_surroundings_gets_in(project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """`input` is all there is: no environment, no registry, no tags."""
    monkeypatch.setenv("CUE_REGISTRY", "registry.example.com")
    monkeypatch.setenv("CUE_EXPERIMENT", "no-such-experiment")
    assert evaluate(project, "x: input.env\ninput: env: string") == ""


@pytest.mark.usefixtures("cue")
def test_nothing_is_left_behind(project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    evaluate(project, "x: 1")
    evaluate(project, LONG, Limits(wall=0.3))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_no_room_for_the_copy(project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cue: None) -> None:
    command = find_cue(None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    root = project({"cue.mod/module.cue": "", "a.cue": "package a\n"})
    (root / "p").mkdir()
    (root / "p" / "a.cue").write_text("package p\n")
    found = Diagnostics()
    assert export(command, root, Package("p", SPAN), "main", {}, found) is None
    assert [item.code for item in found] == ["AIVP0154"]


def test_absent_cue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.delenv("AIVP_CUE", raising=False)
    with pytest.raises(Refused) as refused:
        find_cue(SPAN)
    (item,) = refused.value.diagnostics
    assert item.code == "AIVP0150"
    assert f"go install cuelang.org/go/cmd/cue@{VERSION}" in item.mend


def command(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo cue version v0.16.9", "AIVP0151"),
        ("echo cue version", "AIVP0151"),
        ("exit 1", "AIVP0151"),
        ("kill -9 $$", "AIVP0151"),
        ("echo cue version v0.17.99", None),
        (f"echo cue version {VERSION}", None),
    ],
)
def test_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, code: str | None) -> None:
    monkeypatch.setenv("AIVP_CUE", command(tmp_path / "cue", script))
    if code is None:
        assert find_cue(None).path == str(tmp_path / "cue")
    else:
        with pytest.raises(Refused) as refused:
            find_cue(None)
        assert refused.value.diagnostics[0].code == code


def test_order_of_lookup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("chosen", "aivp_cue", "beside", "path")]
    for place in places:
        place.mkdir()
        command(place / "cue", f"echo cue version {VERSION}")
    monkeypatch.setenv("AIVP_CUE", str(places[0] / "cue"))
    (places[1] / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("sys.executable", str(places[2] / "python"))
    monkeypatch.setenv("PATH", f"{places[3]}:/usr/bin:/bin")
    assert find_cue(None).path == str(places[0] / "cue")
    monkeypatch.delenv("AIVP_CUE")
    for place in places[1:]:
        assert find_cue(None).path == str(place / "cue")
        (place / "cue").unlink()


@pytest.mark.parametrize("chosen", ["cue", "./cue", "/none/cue"])
def test_chosen_command_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: str) -> None:
    command(tmp_path / "cue", "true")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIVP_CUE", chosen)
    with pytest.raises(Refused) as refused:
        find_cue(None)
    assert refused.value.diagnostics[0].code == "AIVP0150"


def test_a_project_does_not_bring_its_own_cue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command(tmp_path / "cue", f"echo cue version {VERSION}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    monkeypatch.setattr("sys.executable", "/none/python")
    monkeypatch.delenv("AIVP_CUE", raising=False)
    with pytest.raises(Refused):
        find_cue(None)


def test_the_whole_group_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that starts another one and waits leaves neither behind."""
    note = tmp_path / "child"
    path = command(
        tmp_path / "cue", f'test "$1" = version && exec echo cue version {VERSION}\nsleep 60 & echo $! >{note}; wait'
    )
    monkeypatch.setenv("AIVP_CUE", path)
    outcome = find_cue(None, Limits(wall=0.5)).export(Module("", "", {}), {})
    assert outcome.ended_by == "it took longer than 0.5 seconds"
    child = int(note.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _is_alive(child):
        time.sleep(0.05)
    assert not _is_alive(child)


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
    except OSError:
        os.kill(process, 0)
        return True


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "SIGSEGV: segmentation violation\nPC=0x42 m=3\nruntime.(*spanQueue).tryDrain()",
            "it needed more than 1024 MiB",
        ),
        ("fatal error: unexpected signal during runtime execution", "it needed more than 1024 MiB"),
        (
            "panic: nil pointer dereference\n[signal SIGSEGV: segmentation violation]",
            "cue ended with status 2",
        ),
    ],
)
def test_a_crash_for_want_of_memory_is_told_from_one_of_cue(tmp_path: Path, said: str, why: str) -> None:
    cue = tmp_path / "cue"
    cue.write_text(f"#!/bin/sh\nprintf '%s\\n' '{said}' >&2\nexit 2\n")
    cue.chmod(0o755)
    outcome = Cue(str(cue)).export(Module("", "site", {}), {})
    assert (outcome.ended_by or "").startswith(why)
