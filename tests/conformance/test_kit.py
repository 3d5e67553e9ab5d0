"""What the kit is as a command, and what it rests on: exit codes, reports, bounds, cases, its own comparison."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from aivp_conformance import cases, manifest, patterns
from aivp_conformance.__main__ import main
from aivp_conformance.broken import Broken
from aivp_conformance.compare import differences
from aivp_conformance.things import Thing, converged, decide

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/protocol/example"
ZOO = Path(__file__).parent / "zoo"
KIT = ROOT / "conformance/aivp_conformance"


def test_it_is_a_stranger() -> None:
    """No module of aivp: what both got wrong in the same way would not show."""
    found = set()
    for path in KIT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            found |= {name.split(".")[0] for name in names}
    assert found - sys.stdlib_module_names == {"aivp_conformance", "hypothesis", "jsonschema", "referencing"}


def test_its_schemas_are_the_published_ones() -> None:
    published = {path.name: path.read_bytes() for path in (ROOT / "schemas/protocol/v1").glob("*.json")}
    assert {path.name: path.read_bytes() for path in (KIT / "schemas").glob("*.json")} == published


def test_the_guide_shows_the_case_of_the_example() -> None:
    text = (ROOT / "docs/guides/conformance.md").read_text("utf-8")
    assert text.split("```json\n")[1].split("```")[0] == (EXAMPLE / "conformance.json").read_text("utf-8")


def kit(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aivp_conformance", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_it_reports_for_people_and_for_build_servers(tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    program = [sys.executable, str(ZOO / "keeper.py"), "major-2"]
    chosen = ["--only", "versions", "--only", "refresh", "--only", "create"]
    done = kit(str(EXAMPLE), *chosen, "--junit", str(junit), "--", sys.executable, str(EXAMPLE / "provider.py"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "passed  create example/note\n" in done.stdout
    assert "skipped refresh example/note: the kind is not refreshable\n" in done.stdout
    assert "10 passed, 0 failed, 1 skipped in " in done.stdout.splitlines()[-1]

    done = kit(str(ZOO), *chosen, "--junit", str(junit), "--", *program)
    assert done.returncode == 1
    assert "FAILED  versions: major version 4096 was not refused with error 1\n" in done.stdout
    root = Xml.parse(junit).getroot()
    assert root.tag == "testsuites"
    (suite,) = root
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "11",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
    }
    (failure,) = root.iter("failure")
    assert failure.get("message") == "major version 4096 was not refused with error 1"
    assert {case.get("classname") for case in root.iter("testcase")} == {"session", "example/note"}
    assert all(float(case.get("time", "")) >= 0 and case.get("name") for case in root.iter("testcase"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name the folder"),
        (["/none"], "No such file"),
        ([str(EXAMPLE), "--only", "everything"], "no check everything"),
        ([str(EXAMPLE), "--cases", "/none"], "No such file"),
        ([str(EXAMPLE), "--patience", "long"], "invalid float"),
        ([str(EXAMPLE), "--cases", str(EXAMPLE / "manifest.json")], "breaks its schema"),
    ],
)
def test_it_says_why_it_cannot_run(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_manifest_without_a_start_for_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = json.loads((EXAMPLE / "manifest.json").read_text("utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps({**form, "start": {"linux-vax": ["true"]}}))
    assert main([str(tmp_path)]) == 2
    assert "give the program after --" in capsys.readouterr().err


def test_a_program_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(EXAMPLE), "--", "/none/program"]) == 1
    assert "FAILED  handshake: /none/program cannot be started" in capsys.readouterr().out


def test_the_list_says_why() -> None:
    told = kit("--list").stdout
    assert "read-only\n    " in told
    assert all(f"(section {number}" in told or f"sections {number}" in told for number in (2, 5, 6, 7, 8, 9, 13))


def test_without_cases_it_creates_nothing_and_says_what_it_left_out(tmp_path: Path) -> None:
    for name in ("manifest.json", "provider.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    done = kit(str(tmp_path), "--", sys.executable, str(tmp_path / "provider.py"))
    assert done.returncode == 0, done.stdout
    assert "skipped create example/note: no case: conformance.json has no `create` for example/note\n" in done.stdout
    assert "passed  deterministic example/note\n" in done.stdout
    assert "passed  read-only example/note (not looked at: from outside" in done.stdout


@pytest.mark.parametrize("name", ["secrets", "messages"])
def test_nobody_is_excused_from_some(name: str, tmp_path: Path) -> None:
    file = tmp_path / "conformance.json"
    file.write_text(json.dumps({"cases": 1, "skip": {name: "we are special"}}))
    with pytest.raises(ValueError, match="nobody is excused"):
        cases.read(file)


def test_what_the_author_skips_is_told(tmp_path: Path) -> None:
    form = json.loads((EXAMPLE / "conformance.json").read_text("utf-8"))
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({**form, "skip": {"versions": "one is all there is"}}))
    program = [sys.executable, str(EXAMPLE / "provider.py")]
    done = kit(str(EXAMPLE), "--cases", str(file), "--only", "versions", "--", *program)
    assert "skipped versions: left out by the case: one is all there is\n" in done.stdout


@pytest.mark.parametrize("animal", ["endless-line", "progress-flood"])
def test_a_flood_costs_bounded_memory(animal: str) -> None:
    """Peak of the largest process below this one, which is the kit: its providers keep nothing."""
    peaks = []
    for arguments in (["--list"], [str(ZOO), "--patience", "3", "--", sys.executable, str(ZOO / "keeper.py"), animal]):
        command = [sys.executable, "-m", "aivp_conformance", *arguments]
        code = f"import subprocess, resource; subprocess.run({command!r}, stdout=subprocess.DEVNULL)\n"
        code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        peaks.append(int(done.stdout) * 1024)
    assert peaks[1] - peaks[0] < 64 * 1024 * 1024


KIND = manifest.Manifest(
    ROOT,
    {
        "kinds": {
            "a/b": {
                "identity": ["name"],
                "schema": {
                    "properties": {
                        "name": {"type": "string"},
                        "tags": {"type": "array", "items": {"type": "string"}, "x-aivp": {"set": True}},
                        "mine": {
                            "type": "array",
                            "items": {"type": "string"},
                            "x-aivp": {"set": True, "owned": True, "exclusive_when": {"name": "all"}},
                        },
                        "disks": {
                            "type": "array",
                            "items": {"type": "object", "properties": {"id": {}, "size": {}, "bus": {}}},
                            "x-aivp": {"key": "id"},
                        },
                        "box": {"type": "object", "properties": {"high": {}, "wide": {}}},
                        "map": {"type": "object", "additionalProperties": True},
                        "secret": {"type": "string", "x-aivp": {"write_only": True}},
                        "size": {"type": "integer", "x-aivp": {"computed": True}},
                    }
                },
            }
        }
    },
).kinds["a/b"]
VERDICT = {"$aivp": "verdict", "matches": True}


@pytest.mark.parametrize(
    ("wanted", "observed", "prior", "paths"),
    [
        ({"name": "a"}, {"name": "a", "size": 3}, None, []),
        ({"name": "a"}, {"name": "b"}, None, ["replace /name"]),
        ({"name": None}, {"name": "b"}, None, []),
        ({"tags": []}, {}, None, []),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, None, []),
        ({"tags": ["a"]}, {"tags": ["b"]}, None, ["add /tags/a", "remove /tags/b"]),
        ({"mine": ["a"]}, {"mine": ["b", "a"]}, None, []),
        ({"mine": ["a"]}, {"mine": ["b", "a"]}, {"mine": ["b"]}, ["remove /mine/b"]),
        ({"mine": ["a"], "name": "all"}, {"mine": ["b", "a"], "name": "all"}, None, ["remove /mine/b"]),
        ({"disks": [{"id": "x", "size": 1}]}, {"disks": [{"id": "x", "size": 1, "bus": "usb"}]}, None, []),
        (
            {"disks": [{"id": "x/y", "size": 1}]},
            {"disks": [{"id": "x/y", "size": 2}]},
            None,
            ["replace /disks/x~1y/size"],
        ),
        ({"box": {"high": 1}}, {"box": {"high": 1, "wide": 2}}, None, []),
        ({"map": {"high": 1}}, {"map": {"high": 1, "wide": 2}}, None, ["remove /map/wide"]),
        ({"map": {"on": True}}, {"map": {"on": 1}}, None, ["replace /map/on"]),
        ({"secret": "a", "size": 1}, {"size": 2}, None, []),
        ({"name": {"$aivp": "secret", "origin": ""}}, {"name": VERDICT}, None, []),
        ({"name": "a"}, {"name": {**VERDICT, "matches": None}}, None, ["replace /name"]),
        ({"name": {"$aivp": "unknown"}}, {"name": "a"}, None, ["replace /name"]),
    ],
)
def test_how_it_compares(wanted: dict, observed: dict, prior: dict | None, paths: list[str]) -> None:
    found = differences(KIND, wanted, observed, prior)
    assert [f"{change.op} {change.path}" for change in found] == paths


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("^a$", "a\n", False),
        ("^[^\\n]*$", "\n", False),
        ("b", "abc", True),
        ("^[$]\\$$", "$$", True),
        ("^[]$]$", "$", True),
        ("a$|^b", "xa", True),
    ],
)
def test_patterns_mean_what_json_schema_means(pattern: str, text: str, is_found: bool) -> None:
    assert patterns.matches(pattern, text) == is_found


def test_what_shall_be_gone_and_is_gone_is_as_declared() -> None:
    kind = manifest.read(ROOT / "providers/host/aivp_host").kinds["group"]
    thing = Thing.declared(kind, {"name": "staff", "state": "absent"})
    assert decide(thing, {"observed": None}) is None
    converged(thing, {"observed": None})
    with pytest.raises(Broken, match="after an apply"):
        converged(thing, {"observed": {"name": "staff", "state": "present"}})
