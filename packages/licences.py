"""go.mod of packages/cue → modules.json and the licence texts of all that is linked into the cue command.

`python -m packages.licences` after a change of go.mod; the wheel's build refuses a list that is not true.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("cue")
COMMAND = "cuelang.org/go/cmd/cue"
_TEXTS = ("LICEN", "NOTICE", "COPYING", "PATENTS")
_SIGNS = {
    "Apache-2.0": "Apache License",
    "BSD-3-Clause": "Neither the name",
    "MIT": "Permission is hereby granted, free of charge",
    "ISC": "Permission to use, copy, modify, and distribute this software",
}
"""SPDX identifier → words that stand in no other of these licences."""


@dataclass(frozen=True, slots=True)
class Module:
    """One Go module as it is linked in; `sum` as go.sum has it, `license` an SPDX expression."""

    path: str
    version: str
    sum: str
    license: str


def main() -> None:
    """Write both anew."""
    shutil.rmtree(FOLDER / "licenses", ignore_errors=True)
    texts = licence_texts()
    for name, text in texts.items():
        (FOLDER / "licenses" / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / "licenses" / name).write_bytes(text)
    (FOLDER / "modules.json").write_text(listing(texts))
    sys.stdout.write(f"{len(texts)} texts, {len(_folders())} modules\n")


def listing(texts: Mapping[str, bytes]) -> str:
    """modules.json: `license` of the whole program, and its modules by path."""
    sums = {tuple(line.split()[:2]): line.split()[2] for line in (FOLDER / "go.sum").read_text().splitlines()}
    modules = [
        Module(path, version, sums[path, version], _licence(path, texts)) for path, version in sorted(_folders())
    ]
    return json.dumps({"go": _licence("go", texts), "modules": [asdict(item) for item in modules]}, indent=1) + "\n"


def licence_texts() -> dict[str, bytes]:
    """`MODULE/LICENSE` → text, with `_` for each `/` in both.

    Of Go's own library, and of each module, also where a linked package of it has a licence of its own.
    """
    root = Path(_go("env", "GOROOT").strip())
    found = {f"go/{name}": (root / name).read_bytes() for name in ("LICENSE", "PATENTS")}
    for (path, _), (top, packages) in _folders().items():
        for folder in sorted({parent for package in packages for parent in (package, *package.parents)}):
            if folder == top or top in folder.parents:
                found |= {
                    f"{_flat(path)}/{_flat(str(file.relative_to(top)))}": file.read_bytes() for file in _legal(folder)
                }
    return dict(sorted(found.items()))


def _flat(path: str) -> str:
    """hatchling's patterns for licences know no `**`."""
    return path.replace("/", "_")


def _legal(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name.upper().startswith(_TEXTS) and file.suffix != ".docs" and file.suffix != ".go":
            yield file


def _folders() -> dict[tuple[str, str], tuple[Path, set[Path]]]:
    """(module, version) → its folder in the module cache, and those of its packages that are linked in."""
    form = '{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{end}}{{if .Module}}{{.Dir}}{{"\\n"}}{{end}}'
    found: dict[tuple[str, str], tuple[Path, set[Path]]] = {}
    for line in filter(None, _go("list", "-deps", "-f", form, COMMAND).splitlines()):
        path, version, folder, package = line.split("\t")
        found.setdefault((path, version), (Path(folder), set()))[1].add(Path(package))
    return found


def _licence(module: str, texts: Mapping[str, bytes]) -> str:
    """Raises ValueError where a module has no licence that is known here: a person has to look."""
    said = " ".join(text.decode() for name, text in texts.items() if name.startswith(f"{_flat(module)}/"))
    found = [name for name, sign in _SIGNS.items() if sign in " ".join(said.split())]
    if not found:
        raise ValueError(f"no known licence of {module}")
    return " AND ".join(sorted(found))


def _go(*words: str) -> str:
    return subprocess.run(["go", *words], cwd=FOLDER, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
