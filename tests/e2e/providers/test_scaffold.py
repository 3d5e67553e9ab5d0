"""`aivp providers new`: what it writes is installed, tested, held to the protocol, and used by the real aivp."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
AIVP = Path(sys.executable).with_name("aivp")


def run(*argv: str | Path, cwd: Path, environ: Mapping[str, str], code: int = 0) -> str:
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == code, f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": f"{AIVP.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AIVP_HOST_STATE": str(tmp_path / "host"),
        "NO_COLOR": "1",
    }


@pytest.fixture
def scaffolded(tmp_path: Path, environ: dict[str, str]) -> Path:
    folder = tmp_path / "acme"
    run(AIVP, "providers", "new", "acme-store", "--kind", "shopping-list", "-o", folder, cwd=tmp_path, environ=environ)
    return folder


def installed(folder: Path, place: Path) -> Path:
    """A virtual environment with the scaffolded package, as its own metadata installs it, beside this aivp: offline.

    An editable installation is a path and a distribution; both are written here, since a build backend needs a network.
    """
    venv.create(place, with_pip=False)
    (library,) = (place / "lib").glob("python*/site-packages")
    paths = [*site.getsitepackages(), str(folder)]
    lines = [f"import site; site.addsitedir({path!r})" for path in paths]
    (library / "beside.pth").write_text("\n".join(lines) + "\n")
    import tomllib

    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = library / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items())
        for group, names in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))
    (info / "RECORD").write_text("")
    return place / "bin" / "python"


def test_scaffolded_package_is_formatted_and_as_its_code_says(scaffolded: Path, environ: dict[str, str]) -> None:
    run("ruff", "check", ".", cwd=scaffolded, environ=environ)
    run("ruff", "format", "--check", ".", cwd=scaffolded, environ=environ)
    package = "aivp_provider_acme_store"
    run(sys.executable, "-m", "aivp_sdk.manifest", "--check", package, cwd=scaffolded, environ=environ)
    path = {**environ, "PYTHONPATH": str(scaffolded)}
    assert "passed" in run(sys.executable, "-m", "pytest", "-q", cwd=scaffolded, environ=path)


def test_scaffolded_provider_passes_the_kit(scaffolded: Path, environ: dict[str, str]) -> None:
    told = run(
        AIVP, "providers", "test", scaffolded, "--examples", "5", "--moments", "2", cwd=scaffolded, environ=environ
    )
    assert " 0 failed" in told


def test_installed_provider_works_in_a_project(scaffolded: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    python = installed(scaffolded, tmp_path / "venv")
    aivp = [python, "-c", "from aivp.cli.main import main; main()"]
    told = run(*aivp, "providers", "list", cwd=tmp_path, environ=environ)
    assert "acme-store 0.1.0  (aivp-provider-acme-store)\n    acme-store/shopping-list" in told
    project = tmp_path / "project"
    project.mkdir()
    (project / "aivp.yaml").write_text(f"""aivp: v1
project: scaffolded
hosts: {{here: {{transport: local}}}}
resources:
  file.folder: {{host: here, path: {tmp_path}/lists, state: directory}}
  acme-store/shopping-list.week: {{host: here, path: {tmp_path}/lists/week, text: milk, tags: [b, a]}}
  file.size: {{host: here, path: {tmp_path}/size, content: "${{acme-store/shopping-list.week.size}} letters"}}
""")
    run(*aivp, "apply", "-y", cwd=project, environ=environ)
    assert (tmp_path / "lists" / "week").read_text() == '{"text": "milk", "tags": ["a", "b"]}'
    assert (tmp_path / "size").read_text() == "4 letters"
    assert "No changes" in run(*aivp, "plan", "--detailed-exitcode", cwd=project, environ=environ)
    (tmp_path / "lists" / "week").write_text('{"text": "beer"}')
    assert "acme-store/shopping-list.week" in run(*aivp, "drift", cwd=project, environ=environ, code=2)
    run(*aivp, "destroy", "-y", cwd=project, environ=environ)
    assert not (tmp_path / "lists").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["new", "Acme"], "AIVP0920"),
        (["new", "acme", "--kind", "a/b"], "AIVP0920"),
        (["new", "host"], "AIVP0920"),
        (["new", "acme", "-o", "."], "AIVP0921"),
        (["pack", "host", "-o", "."], "AIVP0921"),
        (["test", "acme"], "AIVP0923"),
        (["test", "./"], "AIVP0923"),
        (["show", "fiel"], "AIVP0906"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, environ: dict[str, str], words: list[str], code: str) -> None:
    (tmp_path / "something").write_text("here\n")
    told = run(AIVP, "providers", *words, cwd=tmp_path, environ=environ, code=1)
    assert f"error[{code}]" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["something"]


def test_a_missing_kit_is_told_with_how_to_install_it(tmp_path: Path, environ: dict[str, str]) -> None:
    hide = "import sys; sys.modules['aivp_conformance'] = None; import importlib.util as u; f = u.find_spec\n"
    hide += "u.find_spec = lambda n, *a: None if n == 'aivp_conformance' else f(n, *a)\n"
    script = f"{hide}from aivp.cli.main import main; main()"
    told = run(sys.executable, "-c", script, "providers", "test", "host", cwd=tmp_path, environ=environ, code=1)
    assert "error[AIVP0922]" in told
    assert "install ./aivp_conformance-" in told, "by name a stranger's could come"


def test_broken_providers_are_listed_beside_the_others(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    told = run(
        AIVP,
        "providers",
        "list",
        cwd=tmp_path,
        environ={**environ, "AIVP_PROVIDERS": str(tmp_path / "broken")},
        code=1,
    )
    assert "host 0.1.0  (aivp-provider-host)" in told
    assert f"error[AIVP0310]: Broken manifest\n  The manifest of {tmp_path}/broken" in told.replace("\n    ", " ")


def test_a_broken_provider_refuses_only_who_uses_it(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    environ = {**environ, "AIVP_PROVIDERS": str(tmp_path / "broken")}
    head = "aivp: v1\nproject: p\nhosts: {here: {transport: local}}\nresources:\n"
    (tmp_path / "aivp.yaml").write_text(head + "  noop.a: {}\n")
    told = run(AIVP, "validate", cwd=tmp_path, environ=environ)
    assert "warning[AIVP0310]: Broken manifest" in told
    assert "p/main is valid" in told
    (tmp_path / "aivp.yaml").write_text(head + "  noop.a: {}\n  broken/thing.b: {}\n")
    for words in (["validate"], ["destroy", "-y"]):
        told = run(AIVP, *words, cwd=tmp_path, environ=environ, code=1)
        assert "warning[AIVP0310]: Broken manifest" in told
        assert "error[AIVP0300]: Unknown kind" in told
        assert "aivp state rm ADDRESS" in told.replace("\n  ", " ")
