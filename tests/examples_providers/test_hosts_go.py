"""examples/providers/hosts-go: its own checks, its build, its manifest, and its promise to survive a kill."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.schemas import validator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/providers/hosts-go"
OLDEST = (1, 21)


def find_go() -> str | None:
    """A go that can build the example; the second place is where Go's own installer puts it."""
    for candidate in ("go", "/usr/local/go/bin/go"):
        found = shutil.which(candidate)
        if found is None:
            continue
        told = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, cwd="/", check=False).stdout
        parts = told.strip().removeprefix("go").split(".")
        if len(parts) >= 2 and all(part.isdigit() for part in parts[:2]) and tuple(map(int, parts[:2])) >= OLDEST:
            return found
    return None


GO = find_go()
pytestmark = pytest.mark.skipif(GO is None, reason="no go ≥ 1.21: the provider in Go is neither built nor checked")


def environment() -> dict[str, str]:
    """What go needs: no network, no other toolchain, and caches beneath the project."""
    assert GO is not None
    cache = ROOT / ".cache/go"
    path = f"{Path(GO).resolve().parent}:{os.environ['PATH']}"
    own = {"GOCACHE": str(cache / "build"), "GOPATH": str(cache / "path")}
    return {**os.environ, **own, "PATH": path, "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": ""}


def run(*argv: str, cwd: Path = FOLDER) -> str:
    done = subprocess.run(argv, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs that the example's own script builds."""
    folder = tmp_path_factory.mktemp("built")
    run("./build.sh", str(folder))
    return folder


def test_own_checks_pass() -> None:
    assert run("gofmt", "-l", ".") == ""
    run("go", "vet", ".")
    run("go", "test", ".")


def test_needs_the_standard_library_only() -> None:
    assert "require" not in (FOLDER / "go.mod").read_text("utf-8")
    assert not (FOLDER / "go.sum").exists()


def test_manifest_is_of_the_schema_and_names_what_is_built(built: Path) -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
    validator("manifest").validate(manifest)
    programs = sorted(argv[0].removeprefix("{folder}/") for argv in manifest["start"].values())
    assert programs == sorted(path.name for path in built.iterdir())


def test_same_sources_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(FOLDER, elsewhere, ignore=shutil.ignore_patterns("hosts-linux-*"))
    run("./build.sh", cwd=elsewhere)
    for program in built.iterdir():
        first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (program, elsewhere / program.name))
        assert first == second, program.name


def say(number: int, method: str, params: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n"


def start(program: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    caller = {"protocol": {"major": 1, "minor": 0}, "caller": {"name": "test", "version": "1"}}
    process.stdin.write(say(1, "initialize", {**caller, "capabilities": {}, "configuration": {}, "directory": "/"}))
    process.stdin.flush()
    return process


def heard(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    message: dict[str, Any] = json.loads(process.stdout.readline())
    validator("messages").validate(message)
    return message


def test_killed_at_any_moment_it_leaves_one_whole_file(built: Path, tmp_path: Path) -> None:
    """The old content or the new one, and after the same request again, nothing but the new one."""
    program = built / f"hosts-linux-{os.uname().machine}"
    if not program.exists():
        pytest.skip(f"the example is not built for {program.name.removeprefix('hosts-')}")
    file = tmp_path / "hosts"
    before = "".join(f"192.0.2.{number % 250}\tblocked-{number} # as it was\n" for number in range(100_000))
    after = before + "2001:db8::7\tdb sql\n"
    config = {"name": "db", "file": str(file), "address": "2001:db8::7", "aliases": ["sql"]}
    item = {"id": "e", "kind": "hosts/entry", "action": "create", "config": config, "seen": {"observed": None}}
    request = say(2, "apply", {"key": "k", "items": [item]})
    rng = random.Random(7)
    outcomes = set()
    for _ in range(12):
        file.write_text(before, "utf-8")
        process = start(program)
        assert process.stdin is not None
        heard(process)
        process.stdin.write(request)
        process.stdin.flush()
        time.sleep(rng.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        outcomes.add(file.read_text("utf-8") == after)
        assert file.read_text("utf-8") in (before, after)
        again = start(program)
        assert again.stdin is not None
        heard(again)
        again.stdin.write(request)
        again.stdin.flush()
        assert heard(again)["result"]["items"] == [{"id": "e", "outputs": {"line": "2001:db8::7\tdb sql"}}]
        again.communicate(timeout=10)
        assert again.returncode == 0
        assert file.read_text("utf-8") == after
        assert [path.name for path in tmp_path.iterdir()] == ["hosts"]
    assert False in outcomes, "no kill came before the end: the test shows nothing"
