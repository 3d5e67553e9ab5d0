"""`python -m aivp_sdk.manifest PACKAGE`: writes the `manifest.json` of a package from what its provider module says.

With `--check` it writes nothing, and ends with 1 where the file is not what the code says.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Sequence

from .provider import Provider


def text(provider: Provider) -> str:
    """The manifest as it is shipped."""
    return json.dumps(provider.manifest(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main(argv: Sequence[str]) -> int:
    """Write, or check, the manifest of one package; the exit code."""
    names = [word for word in argv if not word.startswith("-")]
    if len(names) != 1 or set(argv) - {*names, "--check"}:
        sys.stderr.write("usage: python -m aivp_sdk.manifest [--check] PACKAGE\n")
        return 2
    sys.path.insert(0, os.getcwd())
    module = importlib.import_module(f"{names[0]}.provider")
    path, wanted = Path(str(module.__file__)).with_name("manifest.json"), text(module.PROVIDER)
    if "--check" not in argv:
        path.write_text(wanted, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != wanted:
        sys.stderr.write(f"{path} is not what the code says: python -m aivp_sdk.manifest {names[0]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
