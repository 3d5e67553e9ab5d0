"""A command → what one execution of it took, measured from outside by `meter.py`, in an environment of our own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

AIVP = str(Path(sys.executable).with_name("aivp"))
METER = str(Path(__file__).with_name("meter.py"))
INTERVAL = 0.01


@dataclass(frozen=True, slots=True)
class Sample:
    """One execution. Seconds; bytes: `peak` of all its processes together, `largest` of the largest of them alone.

    is_stopped: it ran out of time, so that the seconds are only what it had taken by then.
    """

    cpu: float
    wall: float
    peak: int
    largest: int
    is_stopped: bool = False


class Failed(RuntimeError):
    """The command did not end as it must; the message holds the end of its output."""


def environment(folder: Path) -> dict[str, str]:
    """What commands of the bench get: nothing of the caller's but PATH, so that two people measure the same.

    PYTHONDONTWRITEBYTECODE, which some machines set, would have every start compile all of aivp.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "AIVP_HOST_STATE": str(folder / "host"),
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_CLI_CONFIG_FILE": os.devnull,
    }


def measure(
    argv: Sequence[str],
    folder: Path,
    *,
    limit: float = 600,
    codes: Sequence[int] = (0,),
    interval: float = INTERVAL,
    linger: float = 10,
    extra: Mapping[str, str] | None = None,
) -> Sample:
    """Run `argv` in `folder`. Raises Failed where it ends in time with a code that is none of `codes`.

    linger: seconds that what it leaves behind may outlive it; extra: variables beyond those of `environment`.
    """
    said, out = folder / ".bench.said", folder / ".bench.took"
    command = shutil.which(argv[0]) or argv[0]
    meter = [sys.executable, "-I", "-S", METER, str(out), str(limit), str(interval), str(linger), command, *argv[1:]]
    with said.open("wb") as output:
        process = subprocess.Popen(
            meter,
            cwd=folder,
            env={**environment(folder), **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            process.wait()
        except BaseException:
            process.terminate()  # it ends what it has started, and then itself
            process.wait()
            raise
    took = json.loads(out.read_text())
    code = took.pop("code")
    if code not in codes and not took["is_stopped"]:
        text = said.read_text(errors="replace")[-2000:]
        raise Failed(f"{' '.join(argv)} in {folder} ended with {code}: {text}")
    return Sample(**took)
