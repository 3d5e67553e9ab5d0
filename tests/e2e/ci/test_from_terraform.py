"""The worked example of docs/guides/from-terraform.md: what terraform has made, aivp adopts without a change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.ci import documents


class Move:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "srv"
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "AIVP_HOST_STATE": str(folder / "host"),
            "AIVP_VAR_root": str(self.root),
            "TF_VAR_root": str(self.root),
            "CHECKPOINT_DISABLE": "1",  # no question for a newer version
        }

    def run(self, *words: str, code: int = 0, folder: str = ".") -> str:
        done = subprocess.run(
            words, cwd=self.folder / folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=200, check=False,
        )  # fmt: skip
        said = done.stdout.decode()
        assert done.returncode == code, said
        return said

    def terraform(self, *words: str, code: int = 0) -> str:
        return self.run("terraform", *words, "-no-color", code=code, folder="terraform")

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def move(tmp_path: Path) -> Move:
    if shutil.which("terraform") is None:
        pytest.skip("needs terraform")
    documents.write("from-terraform.md", tmp_path)
    moved = Move(tmp_path)
    moved.terraform("init")
    return moved


def test_a_module_moves(move: Move) -> None:
    for name in ("staging", "prod"):
        move.run("terraform", "workspace", "new", name, folder="terraform")
        move.terraform("apply", "-auto-approve")
    made = move.files()
    assert sorted(made) == [
        f"{env}/{x}" for env in ("prod", "staging") for x in ("blog/site.conf", "index", "shop/site.conf")
    ]
    for name in ("staging", "prod"):
        assert "> 5 to adopt, 0 unchanged" in move.run("aivp", "-e", name, "plan")
        move.run("aivp", "-e", name, "apply", "-y")
        assert "No changes" in move.run("aivp", "-e", name, "plan", "--detailed-exitcode")
    assert move.files() == made
    move.terraform("plan", "-detailed-exitcode")
    move.run("terraform", "state", "rm", "module.site", "terraform_data.index", folder="terraform")
    shutil.rmtree(move.folder / "terraform")
    assert move.files() == made, "nothing is deleted"
    text = (move.folder / "aivp.yaml").read_text()
    (move.folder / "aivp.yaml").write_text(text.replace("shop: {port: 8081}", "shop: {port: 9000}"))
    move.run("aivp", "-e", "prod", "plan", "-o", "plan.json", "--detailed-exitcode", code=2)
    move.run("aivp", "-e", "prod", "apply", "plan.json")
    assert b"listen 9000;" in move.files()["prod/shop/site.conf"]
    assert move.files()["staging/shop/site.conf"] == made["staging/shop/site.conf"]
