"""What Ansible's own parser makes of inventories, held against ours.

`ansible.json` beside each is what `ansible-inventory -i FILE --list` of ansible-core 2.18.19 answered.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aivp.config.foreign import Sealed
from aivp.edit.inventory.sources import read_static
from aivp.edit.inventory.structures import read_listing
from aivp.edit.inventory.tree import Tree

FOLDER = Path(__file__).with_name("inventories")
CASES = {"ini": "hosts.ini", "yaml": "site.yaml", "ranges": "hosts"}
NOT_SHOWN = {"ansible_group_priority"}
"""What ansible-inventory keeps to itself."""


def plain(value: Any) -> Any:
    """Without what the two write in other ways: sealed and unsafe values, dates, numbers beyond those of JSON."""
    if isinstance(value, Sealed):
        return "sealed"
    if isinstance(value, dict):
        if "__ansible_vault" in value:
            return "sealed"
        if "__ansible_unsafe" in value:
            return value["__ansible_unsafe"]
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value


def variables(tree: Tree) -> dict[str, dict[str, Any]]:
    return {
        host: {name: plain(item.value) for name, item in settings.items() if name not in NOT_SHOWN}
        for host, settings in tree.effective().items()
    }


def groups(tree: Tree) -> dict[str, list[str]]:
    return {name: members for name, members in tree.members().items() if members}


@pytest.mark.parametrize("name", CASES)
def test_the_same_variables_and_groups_as_ansible(name: str) -> None:
    tree, _ = read_static(FOLDER / name / CASES[name], CASES[name])
    answer = json.loads((FOLDER / name / "ansible.json").read_text("utf-8"))
    theirs = Tree()
    assert read_listing(answer, "ansible.json", theirs)
    hostvars = answer["_meta"]["hostvars"]
    assert variables(tree) == {host: plain(hostvars.get(host, {})) for host in tree.hosts}
    assert tree.hosts.keys() == theirs.hosts.keys()
    assert groups(tree) == groups(theirs)
