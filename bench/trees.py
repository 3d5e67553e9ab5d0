"""The same N inert resources in both languages: a tree, where i needs (i−1)//10, or a chain, where i needs i−1."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

Parent = Callable[[int], int | None]


def tree(index: int) -> int | None:
    """Ten children each."""
    return None if index == 0 else (index - 1) // 10


def chain(index: int) -> int | None:
    """Each after the one before."""
    return None if index == 0 else index - 1


SHAPES: dict[str, Parent] = {"tree": tree, "chain": chain}


def write_aivp(folder: Path, count: int, parent: Parent) -> None:
    """A project of `count` noop resources on the local host."""
    lines = ["aivp: v1", "project: bench", "hosts:", "  lab: {transport: local}", "resources:"]
    for index in range(count):
        above = parent(index)
        lines += [f"  noop.n{index}:", f"    input: value {index}"]
        if above is not None:
            lines.append(f"    depends_on: [noop.n{above}]")
    (folder / "aivp.yaml").write_text("\n".join(lines) + "\n")


def write_terraform(folder: Path, count: int, parent: Parent) -> None:
    """The same in HCL, with the built-in terraform_data, which runs in Terraform's own process."""
    blocks = []
    for index in range(count):
        above = parent(index)
        needs = "" if above is None else f"  depends_on = [terraform_data.n{above}]\n"
        blocks.append(f'resource "terraform_data" "n{index}" {{\n  input = "value {index}"\n{needs}}}\n')
    (folder / "main.tf").write_text("".join(blocks))


def write_terraform_state(folder: Path, count: int, parent: Parent, version: str) -> None:
    """The state that an apply leaves, for sizes at which Terraform's own would take far too long.

    tests/bench/test_trees.py holds it against a state that Terraform wrote.
    """
    resources = [_terraform_row(index, parent) for index in range(count)]
    state = {
        "version": 4,
        "terraform_version": version,
        "serial": 1,
        "lineage": str(uuid.uuid5(uuid.NAMESPACE_OID, "bench")),
        "outputs": {},
        "resources": sorted(resources, key=lambda row: str(row["name"])),
        "check_results": None,
    }
    (folder / "terraform.tfstate").write_text(json.dumps(state, indent=2))


def _terraform_row(index: int, parent: Parent) -> dict[str, object]:
    value = {"value": f"value {index}", "type": "string"}
    instance: dict[str, object] = {
        "schema_version": 0,
        "attributes": {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(index))),
            "input": value,
            "output": value,
            "triggers_replace": None,
        },
        "sensitive_attributes": [],
    }
    above = sorted(f"terraform_data.n{item}" for item in _ancestors(index, parent))
    if above:
        instance["dependencies"] = above
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": f"n{index}",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [instance],
    }


def _ancestors(index: int, parent: Parent) -> Iterator[int]:
    above = parent(index)
    while above is not None:
        yield above
        above = parent(above)
