"""Commands without a start of Python each: a process that has imported all of aivp forks itself for every order.

A command is a process of its own as ever, with the environment, folder and streams it is given; only its entry in the
process table (arguments, environment) is the server's. Who looks there, or kills it, starts a real one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 120
"""After these a command is killed, and its exit code is that of SIGALRM."""


class Server:
    """The client's side; one command at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, words: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> tuple[int, bytes, bytes]:
        """`aivp WORDS...` to its end: exit code, stdout, stderr."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            order = {"words": list(words), "cwd": str(cwd), "environ": dict(environ), "out": out.name, "err": err.name}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline()), out.read(), err.read()

    def close(self) -> None:
        """The server ends with its last order."""
        self._process.communicate()


def _serve() -> None:
    import aivp

    for module in pkgutil.walk_packages(aivp.__path__, "aivp."):
        importlib.import_module(module.name)
    gc.freeze()  # so that no child copies all of it only to count it
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _become(order: Mapping[str, object]) -> None:
    from aivp.cli.main import main

    signal.alarm(SECONDS)
    os.setsid()
    os.chdir(str(order["cwd"]))
    os.environ.clear()
    os.environ.update(order["environ"])  # type: ignore[call-overload]
    for number, name in enumerate((os.devnull, order["out"], order["err"])):
        os.dup2(os.open(str(name), os.O_RDWR), number)
    sys.argv = ["aivp", *order["words"]]  # type: ignore[misc]
    main()


if __name__ == "__main__":
    _serve()
