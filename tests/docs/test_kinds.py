"""What people wrote about kinds fits the manifests: every field is mentioned, nothing else is, and examples compile."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from docs.site.kinds import BEGIN
from tests.docs.pages import ROOT, blocks

MANIFESTS = [json.loads(path.read_text("utf-8")) for path in sorted(ROOT.glob("providers/*/aivp_*/manifest.json"))]
KINDS = {name: kind for manifest in MANIFESTS for name, kind in manifest["kinds"].items()}
WRITTEN = {
    name: text
    for name in sorted(KINDS)
    if "|" in (text := (ROOT / f"docs/reference/kinds/{name}.md").read_text("utf-8").partition(BEGIN)[0])
}
"""Kind → the hand-written part of its page, where there is more than a line."""


def fields(schema: Any) -> set[str]:
    """Names of all fields, also of nested ones."""
    if isinstance(schema, list):
        return {name for part in schema for name in fields(part)}
    if not isinstance(schema, dict):
        return set()
    own = schema.get("properties")
    return {*(own if isinstance(own, dict) else {}), *(name for part in schema.values() for name in fields(part))}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_field_is_written_about_and_nothing_else(name: str) -> None:
    page, schema = WRITTEN[name], KINDS[name]["schema"]
    table = page.partition("| parameter")[2].partition("\n\n")[0].splitlines()[2:]
    named = {word for row in table for word in re.findall(r"`([a-z0-9_]+)`", row.split("|")[1])}
    assert named
    assert named <= fields(schema), "the table of parameters names what is no field"
    written = set(re.findall(r"`([a-z0-9_]+)`", page))
    assert set(schema["properties"]) <= written, "a field that the page does not mention"


@pytest.mark.parametrize("name", WRITTEN)
def test_the_examples_of_a_kind_compile(name: str, tmp_path: Path) -> None:
    examples = [block.text for block in blocks(WRITTEN[name]) if block.language == "yaml"]
    assert examples
    for number, example in enumerate(examples):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "aivp.yaml").write_text(_project(example, folder), "utf-8")
        done = subprocess.run(
            [Path(sys.executable).with_name("aivp"), "validate"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{example}\n{done.stdout}{done.stderr}"


def _project(example: str, folder: Path) -> str:
    """A project around some resources: with the hosts, secrets and files that they name."""
    for path in re.findall(r"\b(?:template|source): ([\w./-]+)", example):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x\n", "utf-8")
    hosts = sorted({"here", *re.findall(r"\bhost: (\w+)", example)})
    secrets = sorted(set(re.findall(r"\$\{secret\.(\w+)\}", example)))
    default = ", ".join(f"{kind}: {{host: here}}" for kind in sorted(KINDS))
    return "\n".join(
        [
            "aivp: v1",
            "project: examples",
            f"hosts: {{{', '.join(f'{host}: {{transport: local}}' for host in hosts)}}}",
            f"secrets: {{{', '.join(f'{secret}: {{env: X}}' for secret in secrets)}}}",
            f"defaults: {{{default}}}",
            example if example.startswith("resources:") else f"resources:\n{textwrap.indent(example, '  ')}",
        ]
    )
