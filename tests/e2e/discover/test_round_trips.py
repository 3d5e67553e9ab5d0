"""discover → include → plan: only adoptions → apply → an empty plan, for every kind that can be listed."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.examples.project import Project

ROOT = Path(__file__).parents[3]
Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make("{transport: local}")`: a project with nothing but the host `lab`."""

    def project(host: str, resources: str = "", **environ: str) -> Project:
        folder = tmp_path / "project"
        folder.mkdir()
        text = f"aivp: v1\nproject: found\nhosts: {{lab: {host}}}\ninclude: ['found/*.yaml']\n"
        (folder / "aivp.yaml").write_text(text + resources)
        (folder / "found").mkdir()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        state = str(tmp_path / "host")
        return Project(folder, {"PATH": path, "HOME": str(tmp_path), "AIVP_HOST_STATE": state, **environ})

    return project


def round_trip(project: Project) -> None:
    """What was found is adopted as it is, and then there is nothing left to do."""
    shown = project.aivp("plan --json -o plan.json")
    steps = [item for line in shown.splitlines() if (item := json.loads(line))["type"] == "step"]
    others = [(step["address"], step["action"], step["changes"]) for step in steps if step["action"] != "adopt"]
    assert steps
    assert others == []
    project.aivp("apply plan.json")
    project.nothing_to_do()


def tree(folder: Path) -> None:
    """Everything that makes a file hard to declare."""
    (folder / "sub dir").mkdir(parents=True)
    (folder / "x.conf").write_text("listen ${port}; $${x}\n\n\tindented\n")
    (folder / "sub dir/lead").write_text("\n\n  x\r\n\x1b[0m")
    (folder / "sub dir/no").write_text("no")
    (folder / "empty").write_text("")
    (folder / "secret").write_text("hunter2\n")
    (folder / "secret").chmod(0o600)
    (folder / "binary").write_bytes(b"\xff\x00")
    (folder / "large").write_text("a" * 70_000)
    (folder / "link").symlink_to("sub dir/no")
    os.mkfifo(folder / "fifo")


def test_files(make: Make, tmp_path: Path) -> None:
    tree(tmp_path / "etc")
    project = make("{transport: local}")
    said = project.aivp("discover file@lab -o found/files.yaml --under", str(tmp_path / "etc"))
    assert "10 of kind file found on lab.\nAdd found/files.yaml to `include:`" in said
    found = (project.folder / "found/files.yaml").read_text()
    assert "hunter2" not in found
    assert found.count("# its content is not listed") == 3
    round_trip(project)
    assert "0 of kind file found on lab; 10 more are declared or in state already." in project.aivp(
        "discover file@lab --under", str(tmp_path / "etc")
    )


def test_what_is_declared_keeps_its_name_and_is_left_out(make: Make, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("x\n")
    folder = str(tmp_path)
    name = re.sub("[^a-z0-9_]+", "-", f"{folder}/b".lower()).strip("-")[:60].rstrip("-_")
    declared = f"resources:\n  file.{name}: {{path: {folder}/a, content: 'other'}}\n"
    project = make("{transport: local}", declared)
    said = project.aivp("discover file@lab --under", folder + "/a")
    assert "0 of kind file found on lab; 1 more is declared" in said
    assert f"  file.{name}-2:\n" in project.aivp("discover file@lab --under", folder + "/b")


def test_nothing_is_overwritten(make: Make, tmp_path: Path) -> None:
    project = make("{transport: local}")
    (project.folder / "mine.yaml").write_text("# mine\n")
    said = project.aivp("discover group@lab -o mine.yaml", code=1)
    assert "error[AIVP0911]: File exists" in said
    assert (project.folder / "mine.yaml").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("what", "code", "why"),
    [
        ("noop@lab", "AIVP0909", "Nothing on a host is a noop"),
        ("command@lab", "AIVP0909", "known from state alone"),
        ("package_index@lab", "AIVP0909", "known from state alone"),
        ("file@lab", "AIVP0910", "To list file, aivp must be told under"),
        ("file@lab --under etc", "AIVP0910", "under: a path on a host is absolute"),
        ("file@lab --under /nowhere/at/all", "AIVP0909", "/nowhere/at/all: No such file or directory."),
        ("group@lab --under /etc", "AIVP0910", "It takes: all."),
        ("package@lab --where versions=maybe", "AIVP0910", "versions is maybe, and must be boolean."),
        ("grop@lab", "AIVP0906", "Did you mean group?"),
        ("group@lob", "AIVP0210", "Did you mean lab?"),
    ],
)
def test_what_cannot_be_listed_is_said(make: Make, what: str, code: str, why: str) -> None:
    said = make("{transport: local}").aivp(f"discover {what}", code=1)
    assert f"error[{code}]" in said
    assert why in " ".join(said.split())


def test_a_third_partys_kind(make: Make, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "todo").write_text(json.dumps({"text": "buy ${milk}\n", "tags": ["home"], "pin": "4711"}))
    (notes / "empty").write_text("{}")
    shutil.copytree(ROOT / "docs/protocol/example", tmp_path / "example")
    project = make("{transport: local}", AIVP_PROVIDERS=str(tmp_path / "example"))
    where = f"folder={notes}"
    project.aivp("discover example/note@lab -o found/notes.yaml --where", where)
    found = (project.folder / "found/notes.yaml").read_text()
    assert "4711" not in found
    assert "buy $${milk}" in found
    round_trip(project)
    said = project.aivp("discover example/note@lab --where", f"folder={notes}/none", code=1)
    assert "AIVP0909" in said
    assert "Name another folder." in said


def test_an_import_takes_what_discover_says(make: Make, tmp_path: Path) -> None:
    """The identity of `--json` is the one that `import:` asks for."""
    (tmp_path / "motd").write_text("hi\n")
    project = make("{transport: local}")
    out = project.aivp("discover file@lab --json --under", str(tmp_path / "motd"))
    found = json.loads(out.splitlines()[0])
    wish = {"address": "file.motd@lab", "identity": found["identity"]}
    declared = {"resources": {"file.motd": found["attributes"]}, "import": [wish]}
    (project.folder / "found/motd.yaml").write_text(json.dumps(declared))
    round_trip(project)
    assert "adopted" in project.aivp("state list")


@pytest.mark.lab
def test_a_whole_host(make: Make) -> None:
    """Packages, units, accounts and files of a real system, all of them."""
    reason = lab.available()
    if reason is not None:
        pytest.skip(reason)
    with lab.host() as host:
        host.run(["groupadd", "--gid", "1500", "crew"])
        host.run(["useradd", "--create-home", "--uid", "1501", "--groups", "crew", "--comment", "Ana $" + "{x}", "ana"])
        host.run(["useradd", "--uid", "1501", "--non-unique", "--expiredate", "2031-02-03", "bo"])
        host.run(["sh", "-c", "echo ana:hunter2 | chpasswd"])
        unit = "[Service]\nExecStart=/bin/sleep inf\n[Install]\nWantedBy=multi-user.target\n"
        for name, verb in (("one", "enable"), ("two", "start"), ("three", "mask")):
            path = f"/{'usr/lib' if verb == 'mask' else 'etc'}/systemd/system/{name}.service"
            script = f"printf '%s' '{unit}' > {path} && systemctl daemon-reload && systemctl {verb} {name}"
            host.run(["sh", "-c", script])
        project = make(f"{{transport: exec, command: {json.dumps(list(host.argv))}}}")
        for kind, *more in (
            ("user", "--all"),
            ("group", "--all"),
            ("package", "--where", "versions=true"),
            ("service",),
            ("file", "--under", "/etc"),
        ):
            project.aivp(f"discover {kind}@lab -o found/{kind}.yaml", *more)
        found = {path.stem: path.read_text() for path in (project.folder / "found").iterdir()}
        assert "$6$" not in "".join(found.values())
        assert "$y$" not in "".join(found.values())
        assert "  service.one:\n    host: lab\n    enabled: true\n" in found["service"]
        assert "  service.two:\n    host: lab\n    enabled: false\n    running: true\n" in found["service"]
        assert "service.rc:" not in found["service"], "Debian ships it masked: nobody decided that here"
        assert "  service.three:\n    host: lab\n    masked: true\n" in found["service"]
        assert '  user.ana:\n    host: lab\n    comment: "Ana $${x}"\n' in found["user"]
        assert 'expires: "2031-02-03"' in found["user"]
        round_trip(project)

        few = project.aivp("discover user@lab", code=0)
        assert "0 of kind user found on lab; 2 more are" in few
