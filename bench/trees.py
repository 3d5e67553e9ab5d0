"""The same tree of N inert resources for both tools: node i needs node (i−1)//10; or a chain, where it needs i−1."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

Parent = Callable[[int], int | None]


def tree(index: int) -> int | None:
    """Ten children each."""
    return None if index == 0 else (index - 1) // 10


def chain(index: int) -> int | None:
    """Each after the one before."""
    return None if index == 0 else index - 1


def write_aivp(folder: Path, count: int, parent: Parent) -> None:
    """A project of `count` noop resources on the local host."""
    folder.mkdir(parents=True)
    lines = ["aivp: v1", "project: bench", "hosts:", "  lab: {transport: local}", "resources:"]
    for index in range(count):
        above = parent(index)
        lines += [f"  noop.n{index}:", f"    input: value {index}"]
        if above is not None:
            lines.append(f"    depends_on: [noop.n{above}]")
    (folder / "aivp.yaml").write_text("\n".join(lines) + "\n")


def write_terraform(folder: Path, count: int, parent: Parent) -> None:
    """The same in HCL, with the built-in terraform_data resource (no provider to download)."""
    folder.mkdir(parents=True)
    blocks = []
    for index in range(count):
        above = parent(index)
        needs = "" if above is None else f"  depends_on = [terraform_data.n{above}]\n"
        blocks.append(f'resource "terraform_data" "n{index}" {{\n  input = "value {index}"\n{needs}}}\n')
    (folder / "main.tf").write_text("".join(blocks))


def write_terraform_state(folder: Path, count: int, parent: Parent) -> None:
    """A state in which everything is applied: making it by apply would take Terraform hours at 10,000."""
    resources = []
    for index in range(count):
        value = {"value": f"value {index}", "type": "string"}
        ancestors = []
        above = parent(index)
        while above is not None and len(ancestors) < 10_000:
            ancestors.append(f"terraform_data.n{above}")
            above = parent(above)
        attributes = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(index))),
            "input": value,
            "output": value,
            "triggers_replace": None,
        }
        instance = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}
        if ancestors:
            instance["dependencies"] = sorted(ancestors)
        resources.append(
            {
                "mode": "managed",
                "type": "terraform_data",
                "name": f"n{index}",
                "provider": 'provider["terraform.io/builtin/terraform"]',
                "instances": [instance],
            }
        )
    state = {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 1,
        "lineage": str(uuid.uuid5(uuid.NAMESPACE_OID, "bench")),
        "outputs": {},
        "resources": resources,
        "check_results": None,
    }
    (folder / "terraform.tfstate").write_text(json.dumps(state))
