"""A runner of GitLab CI for one job at a time: its `script` as one shell script, in a fresh clone.

Protected variables go to jobs of the protected branch only. Knows `extends`, anchors in scripts, dotenv reports.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.ci.forge import Forge
from tests.e2e.ci.github import ROOT, STANDINS, load

FILE = ROOT / "examples/ci/gitlab/.gitlab-ci.yml"


@dataclass(frozen=True)
class Done:
    """How a job ended; where its files are."""

    code: int
    log: str
    folder: Path
    report: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Runner:
    """`environ`: what trusted machines bring along; `protected`: the variables of protected branches."""

    forge: Forge
    environ: Mapping[str, str]
    protected: Mapping[str, str]
    count: int = 0

    def run(
        self, name: str, sha: str, source: str, *, is_trusted: bool = True, files: Mapping[str, bytes] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Done:  # fmt: skip
        """The job `name` on the commit `sha` in a pipeline of `source`; files: artifacts of jobs before."""
        self.count += 1
        home = self.forge.root / f"runners/{self.count}-{name}"
        folder = home / "work"
        folder.mkdir(parents=True)
        self.forge.git(folder, "init", "-q", "-b", "checkout")
        self.forge.git(folder, "fetch", "-q", "--depth", "1", str(self.forge.origin), sha)
        self.forge.git(folder, "checkout", "-q", "FETCH_HEAD")
        for path, body in (files or {}).items():
            (folder / path).write_bytes(body)
        everything = load(FILE)
        job = _extended(everything, name)
        url = str(self.forge.origin).removesuffix(".git")
        environ = {
            "PATH": f"{STANDINS}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "FORGE": str(self.forge.root / "forge"),
            "CI_PIPELINE_SOURCE": source,
            "CI_COMMIT_SHA": sha,
            "CI_PROJECT_ID": "17",
            "CI_PROJECT_URL": url,
            "CI_MERGE_REQUEST_PROJECT_URL": url,
            "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
            **{key: str(value) for key, value in everything["variables"].items()},
            **({**self.environ, **self.protected} if is_trusted else {"AIVP_HOST_STATE": "/no/host"}),
            **(variables or {}),
        }
        lines = [*_lines(job.get("before_script", [])), *_lines(job["script"])]
        done = subprocess.run(
            ["bash", "-eo", "pipefail"], input="\n".join(lines).encode(), cwd=folder, env=environ,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        report = folder / job.get("artifacts", {}).get("reports", {}).get("dotenv", "none.env")
        found = dict(line.split("=", 1) for line in report.read_text().splitlines()) if report.exists() else {}
        return Done(done.returncode, (done.stdout + done.stderr).decode(), folder, found)


def _extended(everything: Mapping[str, Any], name: str) -> dict[str, Any]:
    job = everything[name]
    return {**(_extended(everything, job["extends"]) if "extends" in job else {}), **job}


def _lines(script: Any) -> Iterator[str]:
    """Lists in lists, as anchors make them."""
    for item in script:
        if isinstance(item, str):
            yield item
        else:
            yield from _lines(item)
