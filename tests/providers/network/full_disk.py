"""`full_disk.py FOLDER NETWORK`: a network on a disk that fills up; prints what it is told, line by line."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys

from aivp_network.provider import PROVIDER
from aivp_sdk.testing import Failed, Harness

GUESTS = 16


def main(folder: str, network: str) -> None:
    """Fill it before the network is made, and again before guests are plugged in."""
    lab, ballast = json.loads(network), f"{folder}/ballast"
    with Harness(PROVIDER, {"folder": folder}) as harness:
        fill(ballast)
        try:
            harness.create("network", lab)
        except Failed as failed:
            print(failed.error["message"], "|", failed.error["mend"])
        os.unlink(ballast)
        program = harness.apply("network", lab).outputs["path"] + "/port.py"
        fill(ballast)
        said = [port(program, "attach", f"vm-{number}", "0") for number in range(GUESTS)]
        refused = [text for text in said if "error" in text]
        print(refused[0])
        os.unlink(ballast)
        leases = json.loads(port(program, "leases"))["leases"]
        print(len(leases) + len(refused) == GUESTS, sorted(os.listdir(os.path.dirname(program))))
        for lease in leases:
            port(program, "detach", lease["owner"])
        harness.delete("network", lab)
        print(os.listdir(folder))


def fill(path: str) -> None:
    """To the last block."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def port(program: str, *verb: str) -> str:
    """What `port.py` says."""
    return subprocess.run([sys.executable, "-I", program, *verb], capture_output=True, text=True, check=False).stdout[
        :-1
    ]


if __name__ == "__main__":
    main(*sys.argv[1:3])
