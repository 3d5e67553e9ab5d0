"""What the provider protocol costs: a large batch against the mere JSON of it, and bad providers in memory and time.

Each figure is taken in a process of its own: `python -m bench.protocol PART [ANIMAL]` measures and prints JSON.

- batch: the runner's side (`External`) asks a provider that the SDK serves about 10,000 resources. CPU seconds of both
  sides for the second such request, over those that `json` needs to encode and decode the very same requests and
  answers once on each side. Memory: growth of the caller's peak during the request, over the growth that the same
  request and answers take as Python objects. Of five processes the one in the middle counts.
- bad: growth of the caller's peak, and seconds, while one bad provider is asked.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RESOURCES = 10_000
ROUNDS = 5
DEADLINE = 2.0
ROOT = Path(__file__).parents[1]
BAD = ROOT / "tests/runner/misbehaving.py"
ANIMALS = (
    "hang-observe never-reads garbage half-line endless-line many-lists many-objects many-parts deep flood log-flood "
    "stderr-gigabyte dies duplicate wrong-id missing too-many"
).split()

ASKED = {"batch": ("batch",), **{animal: ("bad", animal) for animal in ANIMALS}}
"""Name of a measurement → the arguments that bring it."""


def batch() -> dict[str, float]:
    """One measurement of the batch: CPU seconds of both sides and of the floor, bytes of the caller and the objects."""
    from aivp_contract.canonical import encode_wire
    from aivp_contract.manifest import read_manifest
    from aivp_runner import child
    from aivp_runner.conversation import Program
    from aivp_runner.external import External

    from bench.noop_provider import PROVIDER

    gc.set_threshold(200_000)  # as the runner does
    lines: list[bytes] = []
    manifest = read_manifest({**PROVIDER.manifest(), "protocol": 1, "start": {"any": ["python3"]}})
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-m", "bench.noop_provider"]
        program = Program(manifest, ["env", f"PYTHONPATH={os.pathsep.join(sys.path)}", *argv], folder)
        external = External(program, lambda *_: None)
        external.observe(list(items(10)))
        asked = list(items(RESOURCES))
        gc.collect()
        forget_peak()
        size = status("VmRSS")
        before = provider_cpu(folder)
        began = time.process_time()
        found = external.observe(asked)
        caller = time.process_time() - began
        provider = provider_cpu(folder) - before
        grown = status("VmHWM") - size
        assert all("observation" in answer for answer in found)
        send, receive = child.Child.send, child.Child.receive

        def sending(self: child.Child, message: Any) -> None:
            lines.append(encode_wire(message))
            send(self, message)

        def receiving(self: child.Child, seconds: float) -> bytes | None:
            line = receive(self, seconds)
            lines.extend([] if line is None else [line])
            return line

        child.Child.send, child.Child.receive = sending, receiving  # type: ignore[method-assign]
        external.observe(asked)
        external.close()
    floor, objects = json_alone(lines)
    return {"caller": caller, "provider": provider, "floor": floor, "grown": grown, "objects": objects}


def items(count: int) -> Iterator[dict[str, Any]]:
    """Resources as a lane asks about them."""
    for number in range(count):
        config = {
            "name": f"host-{number}.example.org",
            "zone": "example.org",
            "type": "A",
            "content": f"10.{number // 65536}.{number // 256 % 256}.{number % 256}",
            "ttl": 300 + number % 7,
            "comment": "made for the machines of the second floor",
            "owner": "infrastructure",
            "mode": "0644",
        }
        identity = {"zone": config["zone"], "name": config["name"]}
        yield {"id": f"noop/record.r{number}@lab", "kind": "noop/record", "identity": identity, "config": config}


def json_alone(lines: list[bytes]) -> tuple[float, int]:
    """CPU seconds of encoding and decoding every message once; bytes of them all as objects."""
    gc.collect()
    before = status("VmRSS")
    began = time.process_time()
    found = [json.loads(line) for line in lines]
    seconds = time.process_time() - began
    objects = status("VmRSS") - before
    began = time.process_time()
    for message in found:
        json.dumps(message).encode()
    return seconds + time.process_time() - began, objects


def bad(animal: str) -> dict[str, float]:
    """One bad provider: bytes that the caller grew by, and the seconds that it took beyond its deadline."""
    from aivp_contract.manifest import read_manifest
    from aivp_runner.conversation import Program
    from aivp_runner.external import External
    from aivp_runner.waiting import Limits

    field = {"type": "string"}
    schema = {"type": "object", "additionalProperties": False, "properties": {"path": field, "text": field}}
    kind = {"description": "", "identity": ["path"], "batch": True, "schema": schema}
    form = {"manifest": 1, "name": "bad", "version": "1", "protocol": 1, "start": {}, "kinds": {"bad/thing": kind}}
    form["start"] = {"any": ["python3"]}
    names = ("a", "b")
    asked = [
        {"id": name, "kind": "bad/thing", "identity": {"path": name}, "config": {"path": name, "text": "x" * 400_000}}
        for name in names
    ]
    with tempfile.TemporaryDirectory() as folder:
        program = Program(read_manifest(form), [sys.executable, "-S", str(BAD), animal, f"{folder}/ledger"], folder)
        Path(folder, "ledger").touch()
        external = External(program, lambda *_: None, limits=Limits(look=DEADLINE, grace=0.5))
        gc.collect()
        forget_peak()
        size = status("VmRSS")
        began = time.monotonic()
        external.observe(asked)
        seconds = time.monotonic() - began
        grown = status("VmHWM") - size
        external.close()
    return {"grown": grown, "seconds": seconds}


def measured(name: str) -> Mapping[str, float]:
    """One of `ASKED`; of the batch, which is short, the middle one of a few."""
    found = [_alone(*ASKED[name]) for _ in range(ROUNDS if name == "batch" else 1)]
    return sorted(found, key=over_json)[len(found) // 2] if name == "batch" else found[0]


def over_json(batch: Mapping[str, float]) -> float:
    """CPU seconds of both sides over those of the mere JSON."""
    return (batch["caller"] + batch["provider"]) / batch["floor"]


def _alone(*arguments: str) -> Mapping[str, float]:
    """In a process of its own."""
    argv = [sys.executable, "-m", "bench.protocol", *arguments]
    done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


def status(name: str) -> int:
    """Bytes that the kernel says of this process."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def forget_peak() -> None:
    """From now on the peak counts anew."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def provider_cpu(folder: str) -> float:
    """CPU seconds of the provider at work in `folder`, all its threads."""
    mark = f"HOME={folder}".encode()
    for entry in Path("/proc").iterdir():
        try:
            is_its = entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0")
            if is_its and (entry / "comm").read_text().strip() != "aivp-shim":
                return (
                    sum(int((thread / "schedstat").read_text().split()[0]) for thread in (entry / "task").iterdir())
                    / 1e9
                )
        except OSError:
            continue
    raise RuntimeError("the provider is gone")


if __name__ == "__main__":
    print(json.dumps(batch() if sys.argv[1] == "batch" else bad(sys.argv[2])))
