"""docs/guides/write-a-provider.md, as a reader follows it: each command run, each piece of code put where it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "guides" / "write-a-provider.md"
_BLOCK = re.compile(r"^```(sh|python) ?(.*?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_every_block_of_the_guide_works(tmp_path: Path) -> None:
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AIVP_HOST_STATE": str(tmp_path / "host"),
        "PYTHONPATH": str(tmp_path / "acme"),
        "AIVP_PROVIDERS": str(tmp_path / "acme/dist/acme"),
    }
    blocks = _BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert [language for language, _, _ in blocks].count("sh") >= 5
    for language, place, text in blocks:
        if language == "sh":
            script = text.replace("/tmp/acme-notes", str(tmp_path / "notes"))
            folder = tmp_path / "acme" if (tmp_path / "acme").is_dir() else tmp_path
            done = subprocess.run(
                ["sh", "-eu"], input=script, cwd=folder, env=environ, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        else:
            put(text, place, tmp_path / "acme")
    assert "owner" in (tmp_path / "notes" / "todo").read_text(encoding="utf-8")


def put(text: str, place: str, folder: Path) -> None:
    """Code where its block says: a file of its own, or before or after the line that begins as quoted."""
    if place == "test":
        (folder / "tests" / "test_guide.py").write_text(text, encoding="utf-8")
        return
    file, where, quoted = re.fullmatch(r'(\S+) (before|after) "(.*)"', place).groups()  # type: ignore[union-attr]
    path = folder / "aivp_provider_acme" / file
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    (at,) = [number for number, line in enumerate(lines) if line.startswith(quoted)]
    lines.insert(at + (where == "after"), text)
    path.write_text("".join(lines), encoding="utf-8")
