"""A name → the files of a new provider in Python, ready to run: made of the templates beside this module.

Knows neither the SDK nor any provider; a test holds the manifest among the templates to what their code says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from aivp.diagnostics.diagnostic import refusal
from aivp.plugins.registry import FIRST_PARTY

TEMPLATE = Path(__file__).parent / "template"
_SUFFIX = ".tmpl"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def scaffold(name: str, kind: str, folder: Path) -> list[str]:
    """Write the files into `folder`, which holds none yet; their paths in it. Raises Refused or OSError."""
    for word, text in (("provider", name), ("kind", kind)):
        if _NAME.fullmatch(text) is None:
            why = f"{text[:80]!r} is no name of a {word}: a small letter, then small letters, digits, _ and -."
            raise refusal("AIVP0920", why)
    if name in FIRST_PARTY:
        raise refusal("AIVP0920", f"{name} is the name of a provider of aivp's own.", "Choose another one.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise refusal("AIVP0921", f"{folder} is there already, and not empty.", "Choose another folder: -o FOLDER.")
    files = made(name, kind)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return list(files)


def made(name: str, kind: str) -> Mapping[str, str]:
    """Path → text, sorted by path."""
    words = {
        "name": name,
        "kind": kind,
        "package": package_of(name),
        "distribution": f"aivp-provider-{name}",
        "class": "".join(part.capitalize() for part in re.split("[_-]", kind)),
    }
    found = {}
    for path in sorted(path for path in TEMPLATE.rglob(f"*{_SUFFIX}") if path.is_file()):
        inner = path.relative_to(TEMPLATE).as_posix().removesuffix(_SUFFIX).replace("__package__", words["package"])
        text = path.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"%{word}%", value)
        found[inner] = text
    return dict(sorted(found.items()))


def package_of(name: str) -> str:
    """The Python package of a provider: never the name of one that is there already, such as json."""
    return "aivp_provider_" + name.replace("-", "_")
