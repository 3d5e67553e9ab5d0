"""How long a command takes before it does anything, beside a bare Python that imports json.

Measured twice: in the checkout, and from wheels in an environment of their own, as people have it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import aivp.cli.commands
from bench.machine import ROOT
from bench.measure import AIVP, Sample, measure
from packages.wheels import find_uv

FLOOR = "python -c 'import json'"
PARTS = "python -c 'import click, yaml, jsonschema_rs, importlib.metadata'"
"""What validate cannot do without, and does not write itself."""

INSTALLED = "installed: "
VALIDATE, PLAN = "aivp validate", "aivp plan"
PROJECT = """\
aivp: v1
project: small
hosts: {here: {transport: local}}
resources:
  file.site: {path: FOLDER/site, state: directory}
  file.page: {path: "${file.site.path}/page", content: "hello\\n"}
"""
"""Two resources, one reference."""

SHORT: Mapping[str, list[str]] = {
    "aivp --version": ["--version"],
    "aivp --help": ["--help"],
    VALIDATE: ["validate"],
    PLAN: ["plan"],
}
COMMANDS = (
    FLOOR,
    PARTS,
    *SHORT,
    *(f"aivp {name} --help" for name in aivp.cli.commands.COMMANDS),
    *(INSTALLED + name for name in (FLOOR, PARTS, *SHORT)),
)
"""Names of what is measured, in the order of the report."""


def startup(folder: Path, rounds: int) -> Iterator[tuple[str, Sample]]:
    """(command, sample): all in turn, `rounds` times, after one turn that is thrown away.

    The floor is the interpreter of aivp's own environment, which looks at the same site-packages. `plan` finds nothing
    to do: it starts a second Python, the runner.
    """
    folder.mkdir(parents=True)
    (folder / "aivp.yaml").write_text(PROJECT.replace("FOLDER", str(folder)))
    measure([AIVP, "apply", "-y"], folder)
    argvs = _argvs(install(folder / "installed"))
    for number in range(rounds + 1):
        for name in COMMANDS:
            sample = measure(argvs[name], folder, interval=1)  # nobody looks at memory meanwhile: it takes milliseconds
            if number > 0:
                yield name, sample


def install(folder: Path) -> str:
    """The aivp of an environment made of wheels, compiled as pip compiles them. Raises CalledProcessError."""
    environment, dist = folder / "env", folder / "dist"
    folder.mkdir()
    pip = [find_uv(), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(environment / "bin/python")]
    for command, place in (
        ([sys.executable, "-m", "packages", "--without-cue", "-o", str(dist)], ROOT),
        ([find_uv(), "venv", "--quiet", "--python", sys.executable, str(environment)], folder),
        ([*pip, "--require-hashes", "-r", "requirements.txt"], dist),
    ):
        subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
    return str(environment / "bin/aivp")


def _argvs(installed: str) -> dict[str, list[str]]:
    found = {f"aivp {name} --help": [AIVP, name, "--help"] for name in aivp.cli.commands.COMMANDS}
    for before, command in (("", AIVP), (INSTALLED, installed)):
        python = str(Path(command).with_name("python"))
        for floor in (FLOOR, PARTS):
            found[before + floor] = [python, "-c", floor.split("'")[1]]
        found |= {before + name: [command, *words] for name, words in SHORT.items()}
    return found
