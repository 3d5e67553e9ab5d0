"""A runner of GitHub Actions for one workflow file: jobs in workspaces of their own, each step as it is written.

What a step of `run:` does is what it does on GitHub: `bash --noprofile --norc -eo pipefail FILE`. `uses:` is known for
checkout and upload-artifact. Permissions are held: of the token, of git, of secrets.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.e2e.ci.expressions import fill, holds
from tests.e2e.ci.forge import ID, REPOSITORY, Forge

ROOT = Path(__file__).parents[3]
WORKFLOWS = ROOT / "examples/ci/github"
STANDINS = Path(__file__).parent / "standins"


@dataclass
class Job:
    """How it ended: success, failure or skipped."""

    result: str = "skipped"
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""


@dataclass
class Runner:
    """The machines that run workflows. environ: what those of trusted jobs bring along; before_job: gets its name."""

    forge: Forge
    environ: Mapping[str, str]
    secrets: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    runs: int = 0
    before_job: Callable[[str], object] = str

    def run(
        self,
        name: str,
        *,
        event: Mapping[str, Any],
        event_name: str,
        sha: str,
        branch: str = "main",
        repository: int = ID,
        inputs: Mapping[str, str] | None = None,
        is_trusted: bool = True,
        text: str | None = None,
    ) -> dict[str, Job]:
        """Every job of a workflow, by name. text: of the workflow, where a stranger changed it."""
        workflow = load(WORKFLOWS / name if text is None else text)
        self.runs += 1
        about = {"id": self.runs, "head_branch": branch, "head_sha": sha}
        about |= {"head_repository_id": repository, "repository_id": ID}
        github = {"event": event, "event_name": event_name, "sha": sha, "repository": REPOSITORY, "run": about}
        done: dict[str, Job] = {}
        for key, job in workflow["jobs"].items():
            needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            contexts = {
                "github": github | {"token": _token(workflow, job, is_trusted)},
                "secrets": self.secrets if is_trusted else {},
                "vars": self.variables,
                "inputs": inputs or {},
                "needs": {item: {"outputs": done[item].outputs, "result": done[item].result} for item in needed},
            }
            done[key] = Job()
            self.before_job(key)
            if holds(job.get("if"), contexts, all(done[item].result == "success" for item in needed)):
                environ = self.environ if is_trusted else {"AIVP_HOST_STATE": "/no/host"}
                _Work(self, workflow, job, contexts, done[key], environ).run(key)
        return done


class _Work:
    """One job under way."""

    def __init__(
        self, runner: Runner, workflow: Any, job: Any, contexts: dict[str, Any], done: Job, environ: Mapping[str, str]
    ) -> None:
        self.runner, self.workflow, self.job, self.contexts, self.done = runner, workflow, job, contexts, done
        self.environ = environ
        self.steps: dict[str, Any] = {}
        self.contexts["steps"] = self.steps

    def run(self, key: str) -> None:
        self.home = self.runner.forge.root / f"runners/{self.runner.runs}-{key}"
        self.workspace = self.home / "work"
        self.workspace.mkdir(parents=True)
        self.done.result = "success"
        for step in self.job["steps"]:
            if holds(step.get("if"), self.contexts, self.done.result == "success"):
                is_done = self.use(step) if "uses" in step else self.shell(step)
                if not is_done:
                    self.done.result = "failure"
        for name, text in self.job.get("outputs", {}).items():
            self.done.outputs[name] = fill(text, self.contexts)

    def shell(self, step: Any) -> bool:
        assert "${{" not in step["run"], "an expression in a script is how strangers get into it"
        assert self.workflow["defaults"]["run"]["shell"] == "bash"
        script, output, summary = (self.home / name for name in ("script.sh", "output", "summary.md"))
        script.write_text(step["run"])
        output.write_text("")
        summary.write_text("")
        environ = {
            "PATH": f"{STANDINS}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "RUNNER_TEMP": str(self.home),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_SHA": self.contexts["github"]["sha"],
            "GITHUB_RUN_ID": str(self.contexts["github"]["run"]["id"]),
            "FORGE": str(self.runner.forge.root / "forge"),
            "CI": "true",
            **self.environ,
        }
        for layer in (self.workflow, self.job, step):
            environ |= {name: fill(str(text), self.contexts) for name, text in layer.get("env", {}).items()}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(
            command,
            cwd=self.workspace,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        said = (done.stdout + done.stderr).decode()
        self.done.log += f"== {step.get('name')} (exit code {done.returncode})\n{said}"
        self.done.summary += summary.read_text()
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        if "id" in step:
            self.steps[step["id"]] = {"outputs": outputs}
        return done.returncode == 0

    def use(self, step: Any) -> bool:
        given = {name: fill(str(text), self.contexts) for name, text in step.get("with", {}).items()}
        action = step["uses"].partition("@")[0]
        if action == "actions/checkout":
            return self.checkout(**given)
        assert action == "actions/upload-artifact", action
        path = self.workspace / given["path"]
        if path.exists():
            self.runner.forge.upload(given["name"], {path.name: path.read_bytes()}, self.contexts["github"]["run"])
        return path.exists()

    def checkout(self, ref: str = "", path: str = ".", **given: str) -> bool:
        """The commit of the event, or `ref`. What is pushed needs credentials that stayed, and the permission."""
        target = self.workspace / path
        git = self.runner.forge.git
        git(self.workspace, "init", "-q", "-b", "checkout", str(target))
        git(target, "remote", "add", "origin", str(self.runner.forge.origin))
        if given.get("persist-credentials") == "false" or "contents:write" not in self.contexts["github"]["token"]:
            git(target, "remote", "set-url", "--push", "origin", "/no/credentials")
        git(target, "fetch", "-q", "--depth", "1", "origin", ref or self.contexts["github"]["sha"])
        git(target, "checkout", "-q", "FETCH_HEAD")
        return True


def load(source: Path | str) -> Any:
    """A workflow file, or the text of one."""
    return YAML(typ="safe").load(source)


def _token(workflow: Any, job: Any, is_trusted: bool) -> str:
    """What the job may do. GitHub lets a stranger's never write."""
    given = job.get("permissions", workflow["permissions"])
    found = [f"{name}:{word}" for name, level in given.items() for word in ("read", "write") if word in (level, "read")]
    return ",".join(item for item in found if is_trusted or item.endswith(":read"))
