"""A disk without room: told in a sentence, and nothing half-made stays. In a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import json, os, sys
from aivp_sdk.testing import Failed, Harness
from aivp_vm import keeping
from aivp_vm.provider import PROVIDER

place, image, least = sys.argv[1:]
keeping.MIN_FREE = int(least)
with Harness(PROVIDER, {"folder": place}) as harness:
    try:
        harness.create("vm", {"name": "web", "image": image, "acceleration": "tcg", "networks": []})
    except Failed as failed:
        print(json.dumps(failed.error))
for name in ("vms", "programs"):
    assert not os.path.exists(os.path.join(place, name)), os.listdir(place)
assert not os.path.exists(os.path.join(image, "users"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize(("least", "said"), [(64 << 20, "bytes left, and a VM needs"), (0, "No space left on device")])
def test_full_disk(small: Path, tmp_path: Path, least: int, said: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    image = tmp_path / "image"
    subprocess.run(["cp", "-al", str(small), str(image)], check=True)
    (tmp_path / "try.py").write_text(_PROGRAM)
    script = 'mount -t tmpfs -o size=128k none "$1" && exec "$2" "$3" "$1" "$4" "$5"'
    argv = [
        *("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"),
        *(str(place), sys.executable, str(tmp_path / "try.py"), str(image), str(least)),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert "Make room" in done.stdout
