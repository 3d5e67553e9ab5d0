"""`aivp fmt` from outside: which files it takes, what it writes, what it refuses, and that nothing is half-written."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.cli.test_commands import AIVP, Shell

ROOT = Path(__file__).parents[2]
LOOSE = "aivp: v1\nproject:   calm\nhosts:\n    lab: { transport: local }   # here\n"
NEAT = "aivp: v1\nproject: calm\nhosts:\n  lab: {transport: local} # here\n"
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/aivp.yaml"))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path)
    (found.folder / "aivp.yaml").write_text(LOOSE)
    return found


def read(shell: Shell, name: str = "aivp.yaml") -> str:
    return (shell.folder / name).read_text()


def test_it_writes_and_then_has_nothing_to_do(shell: Shell) -> None:
    done = shell.run("fmt")
    assert (done.returncode, done.stdout) == (0, b"aivp.yaml\n")
    assert read(shell) == NEAT
    again = shell.run("fmt")
    assert (again.returncode, again.stdout, again.stderr) == (0, b"", b"0 files laid out anew, 1 left as they are.\n")
    assert shell.code("fmt", "--check") == 0


def test_check_and_diff_write_nothing(shell: Shell) -> None:
    assert shell.code("fmt", "--check") == 1
    done = shell.run("fmt", "--diff")
    assert done.returncode == 0
    assert "-    lab: { transport: local }   # here\n+  lab: {transport: local} # here\n" in done.stdout.decode()
    assert shell.code("fmt", "--diff", "--check") == 1
    assert read(shell) == LOOSE


def test_it_takes_what_every_environment_includes(shell: Shell) -> None:
    more = 'environments:\n  dev: {include: [dev.yaml]}\n  prod: {include: ["prod/*.yaml"]}\ninclude: [all.yml]\n'
    (shell.folder / "aivp.yaml").write_text(NEAT + more)
    (shell.folder / "prod").mkdir()
    for name in ("dev.yaml", "prod/a.yaml", "all.yml", "unrelated.yaml"):
        (shell.folder / name).write_text("values:   {}\n")
    assert shell.run("fmt").stdout.decode().split() == ["all.yml", "dev.yaml", "prod/a.yaml"]
    assert read(shell, "unrelated.yaml") == "values:   {}\n"
    assert shell.run("fmt", "unrelated.yaml").stdout == b"unrelated.yaml\n"


def test_one_broken_file_keeps_no_other_from_it(shell: Shell) -> None:
    (shell.folder / "aivp.yaml").write_text(LOOSE + "include: [bad.yaml, gone.yaml]\n")
    (shell.folder / "bad.yaml").write_text("a: [\n")
    done = shell.run("fmt")
    assert done.returncode == 1
    assert b"AIVP0107" in done.stderr
    assert b"AIVP0101" in done.stderr
    assert read(shell).startswith(NEAT)
    assert read(shell, "bad.yaml") == "a: [\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_compiled_digest_stays(name: str, shell: Shell) -> None:
    """Whatever indentation the example had: its IR is the same bytes."""
    folder = shell.folder / "example"
    shutil.copytree(ROOT / "examples" / name, folder)
    words = (
        ["compile", "-C", "example", "--var", "channel=[x]"]
        if "channel" in (folder / "aivp.yaml").read_text()
        else ["compile", "-C", "example"]
    )
    words += ["-e", "prod"] if "environments" in (folder / "aivp.yaml").read_text() else []
    before = shell.run(*words)
    if b"AIVP0150" in before.stderr:
        pytest.skip("cue is not installed: make setup builds it")
    assert before.returncode == 0, before.stderr
    for path in folder.rglob("*.yaml"):
        lines = path.read_text().splitlines()
        path.write_text("\n\n".join(f"{' ' * (len(line) - len(line.lstrip()))}{line}  " for line in lines))
    done = shell.run("fmt", "example")
    assert done.returncode == 0, done.stderr
    after = shell.run(*words)
    assert after.stdout == before.stdout


def test_a_pipe(shell: Shell) -> None:
    done = shell.pipe("printf 'a:   1' | aivp fmt -")
    assert (done.returncode, done.stdout) == (0, b"a: 1\n")
    assert shell.pipe("printf 'a:   1' | aivp fmt --check -").returncode == 1
    broken = shell.pipe("printf 'a: [' | aivp fmt -")
    assert (broken.returncode, broken.stdout) == (1, b"")
    assert b"AIVP0107" in broken.stderr


def test_a_reader_that_has_gone(shell: Shell) -> None:
    done = shell.pipe("aivp fmt --diff | true")
    assert b"Traceback" not in done.stderr


def test_mode_owner_and_attributes_stay(shell: Shell) -> None:
    path = shell.folder / "aivp.yaml"
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pass
    noted = os.listxattr(path)
    assert shell.code("fmt") == 0
    after = path.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (0o640, before.st_uid, before.st_gid)
    assert os.listxattr(path) == noted
    assert os.listdir(shell.folder) == ["aivp.yaml"]


def test_a_folder_that_nobody_may_write() -> None:
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become somebody who may not write (setpriv)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "aivp.yaml").write_text(LOOSE)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", AIVP]
        done = subprocess.run([*nobody, "--version"], cwd=folder, capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("the virtual environment is closed to others")
        done = subprocess.run([*nobody, "fmt"], cwd=folder, env={}, capture_output=True, check=False)
        assert done.returncode == 1
        assert b"AIVP0902" in done.stderr
        assert (folder / "aivp.yaml").read_text() == LOOSE
        assert os.listdir(folder) == ["aivp.yaml"]


def test_links_are_neither_followed_nor_replaced(shell: Shell) -> None:
    (shell.folder / "link.yaml").symlink_to("aivp.yaml")
    done = shell.run("fmt", "link.yaml")
    assert done.returncode == 1
    assert b"AIVP0103" in done.stderr
    assert read(shell) == LOOSE


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a: \xc3\n", b"a: \x1b]0;x\x07\n", b"a: \x00"])
def test_what_is_no_text_is_refused(shell: Shell, data: bytes) -> None:
    (shell.folder / "odd.yaml").write_bytes(data)
    done = shell.run("fmt", "odd.yaml")
    assert done.returncode == 1
    assert b"AIVP0106" in done.stderr
    assert b"\x1b" not in done.stderr
    assert (shell.folder / "odd.yaml").read_bytes() == data


def test_odd_names_are_shown_escaped(shell: Shell) -> None:
    (shell.folder / "a\x1b[2J.yaml").write_text("a:   1\n")
    done = shell.run("fmt", "a\x1b[2J.yaml")
    assert done.stdout == b"a\\x1b[2J.yaml\n"


def test_a_pipe_in_the_place_of_a_file_hangs_nobody(shell: Shell) -> None:
    os.mkfifo(shell.folder / "pipe.yaml")
    done = shell.run("fmt", "pipe.yaml", timeout=20)
    assert b"AIVP0104" in done.stderr


def test_cue_files_go_through_cue(shell: Shell) -> None:
    shutil.copytree(ROOT / "examples/04-cue-project", shell.folder / "cue")
    source = shell.folder / "cue/sites/sites.cue"
    neat = source.read_text()
    source.write_text(neat.replace("\t", "  ").replace("blog: {", "blog:     {"))
    done = shell.run("fmt", "cue")
    if b"AIVP0150" in done.stderr:
        pytest.skip("cue is not installed: make setup builds it")
    assert done.stdout == b"cue/sites/sites.cue\n"
    assert source.read_text() == neat
    source.write_text("package sites\n_sites: {\n")
    broken = shell.run("fmt", "cue/sites/sites.cue")
    assert broken.returncode == 1
    assert b"AIVP0957" in broken.stderr
    assert source.read_text() == "package sites\n_sites: {\n"
