"""What the bootstrap does before it knows anything of a runner."""

from __future__ import annotations

import subprocess
import sys

from aivp.hosts.archive import bootstrap

_LATER = """
print("ast" in sys.modules)
@dataclasses.dataclass
class Undocumented:
    x: int = 1
import inspect
print(Undocumented.__doc__, Undocumented(), inspect.signature(Undocumented))
"""


def test_inspect_is_imported_when_it_is_asked() -> None:
    start, function, _ = bootstrap().partition("def state_folder")
    assert function
    command = [sys.executable, "-I", "-S", "-c", start + _LATER]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told[1] == "Undocumented(x: int = 1) Undocumented(x=1) (x: int = 1) -> None"
    assert told[0] == str(sys.version_info >= (3, 14))
