"""What a forge is for its runners: a bare git repository, artifacts with where they came from, pull requests, comments.

All of it lies in files, since the stand-in for `gh` (standins/gh) serves and writes the same ones.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = "acme/shop"
ID = 17


@dataclass
class Forge:
    """`root/origin.git`: the repository; `root/forge`: the rest."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> Forge:
        (root / "forge").mkdir()
        forge = cls(root)
        forge.git(root, "init", "-q", "--bare", "-b", "main", "origin.git")
        forge._write("pulls", [])
        forge._write("artifacts", [])
        forge._write("comments", [])
        return forge

    @property
    def origin(self) -> Path:
        return self.root / "origin.git"

    def git(self, folder: Path, *words: str) -> str:
        names = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1", **names}
        done = subprocess.run(["git", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def read(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.root / f"forge/{name}.json").read_text())
        return found

    def _write(self, name: str, items: list[dict[str, Any]]) -> None:
        (self.root / f"forge/{name}.json").write_text(json.dumps(items))

    def ask(self, number: int, owner: str, branch: str, sha: str) -> None:
        """Somebody opens a pull request, or pushes to it."""
        rest = [item for item in self.read("pulls") if item["number"] != number]
        label = {"sha": sha, "ref": branch, "label": f"{owner}:{branch}"}
        self._write("pulls", [*rest, {"number": number, "state": "open", "head": label, "merge_commit_sha": None}])

    def close(self, number: int, merge: str) -> None:
        """A pull request is merged as the commit `merge`."""
        pulls = self.read("pulls")
        for item in pulls:
            if item["number"] == number:
                item.update(state="closed", merge_commit_sha=merge)
        self._write("pulls", pulls)

    def upload(self, name: str, files: Mapping[str, bytes], run: Mapping[str, Any]) -> None:
        """An artifact of the run `run`: {id, head_branch, head_sha, head_repository_id, repository_id}."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, body in files.items():
                archive.writestr(path, body)
        items = self.read("artifacts")
        number = len(items) + 1
        (self.root / f"forge/{number}.zip").write_bytes(packed.getvalue())
        size = len(packed.getvalue())
        self._write(
            "artifacts", [*items, {"id": number, "name": name, "size_in_bytes": size, "workflow_run": dict(run)}]
        )
