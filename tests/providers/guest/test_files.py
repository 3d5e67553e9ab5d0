"""What leaves the package is one file each: the same bytes each time, complete, and fit for the oldest Python."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import aivp_guest
import pytest
from aivp_guest import files

from tests.e2e.determinism.conditions import interpreter
from tests.providers.guest.boards import connected


def test_same_bytes_each_time() -> None:
    assert files.helper() == files.helper()
    assert files.enter() == files.enter()


def test_helper_has_all_that_it_may_import() -> None:
    folder = Path(aivp_guest.__file__).parent
    wanted = {f"aivp_guest/inside/{path.name}" for path in (folder / "inside").glob("*.py")}
    names = set(zipfile.ZipFile(io.BytesIO(files.helper())).namelist())
    assert names == {*wanted, "__main__.py", *(f"aivp_guest/{name}.py" for name in ("__init__", "wire", "entries"))}


@pytest.mark.parametrize("program", [files.helper, files.enter])
def test_program_imports_nothing_from_elsewhere(tmp_path: Path, program: object) -> None:
    path = tmp_path / "program"
    path.write_bytes(files.helper() if program is files.helper else files.enter())
    names = [name[:-3].replace("/", ".") for name in zipfile.ZipFile(path).namelist() if "__" not in name]
    script = (
        f"import sys, importlib; sys.path.insert(0, {str(path)!r}); [importlib.import_module(n) for n in {names!r}]"
    )
    for version in ("3.9", "3.11", "3.13"):
        python = interpreter(version) or sys.executable
        subprocess.run([python, "-I", "-S", "-c", script], check=True, timeout=60)


def test_compiled_helper_answers_and_another_python_reads_the_texts(tmp_path: Path) -> None:
    path = tmp_path / "helper"
    made = []
    for _ in range(2):
        path.write_bytes(files.helper())
        subprocess.run([sys.executable, "-I", "-S", str(path), "--compile"], check=True, timeout=60)
        made.append(path.read_bytes())
    assert made[0] == made[1]
    script = f"import sys; sys.path.insert(0, {str(path)!r}); import aivp_guest.inside.serve as s; print(s.__cached__)"
    for version in ("3.9", "3.11", "3.13"):
        python = interpreter(version) or sys.executable
        done = subprocess.run(
            [python, "-I", "-S", "-c", script.replace("s.__cached__", "s.__file__")],
            check=True,
            timeout=60,
            capture_output=True,
            text=True,
        )
        is_own = version == "{}.{}".format(*sys.version_info[:2])
        assert done.stdout.strip().endswith(".pyc" if is_own else ".py") or python == sys.executable


def test_image_gets_unit_that_is_enabled() -> None:
    found = {file.path: file for file in files.files()}
    assert found[files.HELPER].mode == 0o755
    assert f"-I -S {files.HELPER}" in found[files.UNIT].content.decode()
    link = found["/etc/systemd/system/sysinit.target.wants/aivp-guest.service"]
    assert (link.mode, link.content.decode()) == (0, files.UNIT)
    assert {file.path for file in files.init_files()} == {files.HELPER, files.INIT}


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_helper_and_way_in_run_on_that_python(tmp_path: Path, version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"Python {version} is missing")
    with connected(tmp_path, str(python)) as (board, _, _):
        argv = [str(python), *board.argv("sh", "-c", "cat; exit 3")[1:]]
        done = subprocess.run(argv, input=b"x" * 1_000_000, capture_output=True, check=False, timeout=60)
        assert (done.returncode, len(done.stdout), done.stderr) == (3, 1_000_000, b"")
        with board.guest() as guest:
            assert guest.facts().python.startswith(version)
            guest.write_file(str(tmp_path / "file"), b"content")
            assert guest.copy_in(tmp_path / "file", str(tmp_path / "copy")) == []
            assert guest.read_file(str(tmp_path / "copy")) == b"content"
