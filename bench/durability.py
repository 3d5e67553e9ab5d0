"""What the journal costs, counted from outside with strace; and how often a host is asked about unchanged files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.terraform import AIVP
from bench.trees import write_aivp


@dataclass(frozen=True, slots=True)
class Durability:
    """Of one apply: steps, batches, and fsyncs of the host's database (`-wal`, outside of its creation)."""

    steps: int
    batches: int
    journal_syncs: int


def count_syncs(folder: Path, count: int) -> Durability | None:
    """Apply `count` noop resources under strace; None where there is no strace."""
    if shutil.which("strace") is None:
        return None
    project = folder / f"syncs-{count}"
    write_aivp(project, count, lambda index: None)
    host = project / "host"
    env = {"AIVP_HOST_STATE": str(host), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([AIVP, "plan", "-o", "plan.json"], cwd=project, env=env, check=True, capture_output=True)
    trace = project / "trace"
    argv = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(trace), AIVP, "apply", "plan.json"]
    subprocess.run(argv, cwd=project, env=env, check=True, capture_output=True)
    syncs = len(re.findall(r"(?:fsync|fdatasync)\(\d+<[^>]*host\.db-wal", trace.read_text()))
    import json

    steps = json.loads((project / "plan.json").read_text())["steps"]
    return Durability(len(steps), len({step["batch"] for step in steps}), syncs)


def observe_requests(folder: Path, count: int = 100) -> int:
    """How many `observe` requests a plan of `count` unchanged files sends; counted in the engine's own sessions."""
    project = folder / f"files-{count}"
    target = project / "out"
    target.mkdir(parents=True)
    resources = "".join(
        f'  file.f{index}: {{path: {target}/f{index}, content: "{index}", mode: "0644"}}\n' for index in range(count)
    )
    (project / "aivp.yaml").write_text(
        f"aivp: v1\nproject: files\nhosts: {{lab: {{transport: local}}}}\nresources:\n{resources}"
    )
    env = {"AIVP_HOST_STATE": str(project / "host"), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([AIVP, "apply", "-y"], cwd=project, env=env, check=True, capture_output=True)
    script = (
        "from pathlib import Path; from aivp.engine import Engine; from aivp.hosts.session import HostSession\n"
        "asked = []; request = HostSession.request\n"
        "def count(self, method, *rest): asked.append(method); return request(self, method, *rest)\n"
        "HostSession.request = count\n"
        "engine = Engine(Path('.'))\n"
        "with engine.sessions() as sessions: engine.observe(sessions)\n"
        "print(asked.count('observe'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project, env=env, check=True, capture_output=True, text=True
    )
    return int(done.stdout)
