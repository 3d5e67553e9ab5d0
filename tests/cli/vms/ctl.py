"""Stands in for the program beside a VM: the same words, and files instead of processes."""

import json
import shutil
import sys
from pathlib import Path

vms, verb, *words = Path(sys.argv[1]), sys.argv[2], *sys.argv[3:]


def seen(folder):
    state = json.loads((folder / "spec.json").read_text())
    state["cpu_seconds"] = state.get("cpu_seconds", 0) + 1.5
    (folder / "spec.json").write_text(json.dumps(state))
    return {"name": folder.name, "cpus": 2, "memory": 512 << 20, "accelerator": "tcg", "error": "", **state}


def change(folder, **members):
    state = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(json.dumps({**state, **members}))
    return seen(folder)


def answer():
    if verb == "list":
        return {"vms": [seen(path.parent) for path in sorted(vms.glob("*/spec.json"))]}
    folder = vms / words[0]
    if verb in ("start", "resume", "reboot"):
        return change(folder, status="running")
    if verb == "stop":
        return change(folder, status="stopped", stopped_with=words[1:])
    if verb == "remove":
        shutil.rmtree(folder)
        return {"name": folder.name}
    if verb == "pause":
        return change(folder, status="paused")
    state = json.loads((folder / "spec.json").read_text())
    kept = state.get("snapshots", [])
    if verb == "snapshots":
        return {"snapshots": kept}
    if verb == "snapshot":
        kept.append({"name": words[1], "memory": "--memory" in words, "size": 4096, "made": "2026-01-31T14:46:42Z"})
        return {
            **change(folder, snapshots=kept),
            "is_consistent": "--memory" in words,
            "memory": "--memory" in words,
            "pid": 7,
        }
    if verb in ("restore", "delete-snapshot"):
        if words[1] not in [item["name"] for item in kept]:
            raise LookupError(f"there is no snapshot {words[1]}")
        if verb == "delete-snapshot":
            return change(folder, snapshots=[item for item in kept if item["name"] != words[1]])
        return {**change(folder, status="running"), "warning": "what is within is older than state"}
    raise LookupError(f"there is no verb {verb}")


if verb == "console":
    for line in sys.stdin:
        sys.stdout.write(f"{words[0]} heard {line}")
    sys.exit(0)
try:
    found = answer()
except (LookupError, OSError) as error:
    print(json.dumps({"error": str(error.args[0])}))
    sys.exit(1)
print(json.dumps(found))
