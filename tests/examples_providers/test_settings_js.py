"""examples/providers/settings-js: its promises, by the conformance kit, and a life of it through the whole engine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/providers/settings-js"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"
pytestmark = pytest.mark.skipif(shutil.which("node", path=PATH) is None, reason="no node: the provider in JavaScript")

PROJECT = """
aivp: v1
project: app
secrets: {{t: {{env: APP_TOKEN}}}}
hosts: {{here: {{transport: local}}}}
resources:
  file.etc: {{host: here, path: {place}/etc, state: directory}}
  env/setting.debug: {{host: here, file: {place}/etc/env, name: DEBUG, value: "{debug}"}}
  env/setting.token: {{host: here, file: {place}/etc/env, name: TOKEN, value: "${{secret.t}}"}}
"""


def run(*argv: str, **environment: str) -> str:
    done = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_passes_the_conformance_kit() -> None:
    said = run(sys.executable, "-m", "aivp_conformance", str(FOLDER), *([] if IS_FULL else ["--examples", "10"]))
    assert "passed  verdicts env/setting" in said
    assert ", 0 failed, 4 skipped" in said


def test_settings_with_a_secret(tmp_path: Path) -> None:
    env = {"AIVP_PROVIDERS": str(FOLDER), "AIVP_HOST_STATE": str(tmp_path / "host"), "APP_TOKEN": "sesame-4711"}

    def aivp(*words: str) -> str:
        return run(str(Path(sys.executable).with_name("aivp")), words[0], "-C", str(tmp_path), *words[1:], **env)

    (tmp_path / "aivp.yaml").write_text(PROJECT.format(place=tmp_path, debug="yes"))
    aivp("apply", "-y")
    file = tmp_path / "etc/env"
    assert sorted(file.read_text().splitlines()) == ["DEBUG=yes", "TOKEN=sesame-4711"]
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("# mine\n" + file.read_text())
    file.chmod(0o640)
    (tmp_path / "aivp.yaml").write_text(PROJECT.format(place=tmp_path, debug="no"))
    assert "sesame" not in aivp("apply", "-y")
    assert sorted(file.read_text().splitlines()) == ["# mine", "DEBUG=no", "TOKEN=sesame-4711"]
    assert file.stat().st_mode & 0o777 == 0o640
    aivp("plan", "--detailed-exitcode")
    held = [path for path in tmp_path.rglob("*") if path.is_file() and b"sesame-4711" in path.read_bytes()]
    assert held == [file]
