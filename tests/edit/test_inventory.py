"""Inventories of other tools: patterns, names, what a project reads of a recorded one, and the same bytes each time."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivp.compile import compile_project
from aivp.config.load import load
from aivp.diagnostics import Diagnostics, Refused
from aivp.edit.inventory.document import document
from aivp.edit.inventory.ini import literal
from aivp.edit.inventory.names import mend_all, mended, refuse_hostile
from aivp.edit.inventory.patterns import BadPattern, expand
from aivp.edit.inventory.recorded import record
from aivp.edit.inventory.sources import read_static
from aivp.edit.inventory.structures import read_listing
from aivp.edit.inventory.tree import Tree
from aivp.plugins import Registry

FOLDER = Path(__file__).with_name("inventories")


def recorded(listing: dict[str, Any]) -> bytes:
    diagnostics = Diagnostics()
    tree = Tree()
    read_listing(listing, "test", tree)
    body = document(record(tree, diagnostics), diagnostics)
    diagnostics.refuse()
    return body


@pytest.mark.parametrize(
    ("pattern", "names", "port"),
    [
        ("web", ["web"], None),
        ("web:22", ["web"], 22),
        ("w[1:3]", ["w1", "w2", "w3"], None),
        ("w[01:10:4].x", ["w01", "w05", "w09"], ".x"),
        ("[a:c]-[1:2]:99", ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"], 99),
        ("[2001:db8::1]", ["2001:db8::1"], None),
        ("[2001:db8::1]:22", ["2001:db8::1"], 22),
    ],
)
def test_patterns(pattern: str, names: list[str], port: Any) -> None:
    if isinstance(port, str):
        names, port = [name + port for name in names], None
    assert expand(pattern) == (names, port)


@pytest.mark.parametrize("pattern", ["w[3:1]", "w[01:1]", "w[a:3]", "w[", "w]", "w[1:2:0]", "w:", "w[1:20000]", "w[]"])
def test_patterns_that_stand_for_nothing(pattern: str) -> None:
    with pytest.raises(BadPattern):
        expand(pattern)


@given(st.text(max_size=40))
def test_no_pattern_costs_or_breaks_anything(pattern: str) -> None:
    try:
        names, _ = expand(pattern)
    except BadPattern:
        return
    assert len(names) <= 10_000


@given(st.text(max_size=60))
def test_every_harmless_name_is_mended_into_one_of_ours(name: str) -> None:
    for what in ("host", "group"):
        if refuse_hostile([name], what, Diagnostics()):
            ours = mended(name, what)
            assert mended(ours, what) == ours


def test_names_are_mended_the_same_way_whatever_their_order() -> None:
    names = ["web01.example.com", "WEB02", "10.0.0.1", "a_b", "x"]
    for _ in range(5):
        random.shuffle(names)
        found = mend_all(names, "host", Diagnostics())
        assert found["web01.example.com"] == "web01-example-com"
        assert found["10.0.0.1"] == "host-10-0-0-1"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("True", True),
        ("yes", "yes"),
        ("[1, 'a']", [1, "a"]),
        ("{'a': (1, 2)}", {"a": [1, 2]}),
        ("0644", "0644"),
        ("1e999", "1e999"),
        ("9" * 30, "9" * 30),
        ("__import__('os')", "__import__('os')"),
        ("[" * 5000, "[" * 5000),
        ("b'x'", "b'x'"),
    ],
)
def test_literals(text: str, value: Any) -> None:
    assert literal(text) == value


def test_a_project_reads_what_was_recorded(tmp_path: Path) -> None:
    tree, _ = read_static(FOLDER / "ini/hosts.ini", "hosts.ini")
    diagnostics = Diagnostics()
    (tmp_path / "inventory.yaml").write_bytes(document(record(tree, diagnostics), diagnostics))
    assert not diagnostics.items
    (tmp_path / "aivp.yaml").write_text("aivp: v1\nproject: p\ninclude: [inventory.yaml]\n")
    ir = compile_project(load(tmp_path), Registry.of([])).ir
    web = ir.hosts["web01-example-com"]
    assert web.connection["address"] == "web01.example.com"
    assert web.connection["become"] == {"method": "sudo", "user": "root"}
    assert web.vars["region"] == "host"
    assert web.vars["odd"] == "${secret.x}"
    assert ir.hosts["box"].connection == {"command": ["docker", "exec", "-i", "-u", "app", "box"]}


def test_the_same_inventory_gives_the_same_bytes() -> None:
    listing = json.loads((FOLDER / "ini/ansible.json").read_text("utf-8"))
    listing["_meta"]["hostvars"].pop("win")
    first = recorded(listing)
    for seed in range(5):
        assert recorded(shuffled(listing, random.Random(seed))) == first


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        dice.shuffle(names)
        return {name: shuffled(value[name], dice) for name in names}
    return value


@pytest.mark.parametrize("secret", ["vault-of-group-vars", "plain-password"])
def test_no_secret_of_an_inventory_is_written_or_said(tmp_path: Path, secret: str) -> None:
    (tmp_path / "group_vars").mkdir()
    sealed = secret.encode().hex()
    (tmp_path / "group_vars/all").write_text(
        f"sealed: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  {sealed}\nlist: [!vault '{sealed}']\n"
    )
    line = f"h ansible_password={secret} ansible_become_pass={secret} my_token={secret}"
    line += f" nested=\"{{'api_key': '{secret}'}}\"\n"
    (tmp_path / "hosts").write_text(line)
    tree, _ = read_static(tmp_path / "hosts", "hosts")
    diagnostics = Diagnostics()
    found = record(tree, diagnostics)
    said = document(found, diagnostics).decode() + "".join(f"{item.why} {item.mend}" for item in found.left)
    assert secret not in said
    assert sealed not in said
    assert len(found.left) == 6


def test_no_file_outside_of_the_inventory_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("stolen: true\n")
    (tmp_path / "inventory/group_vars").mkdir(parents=True)
    (tmp_path / "inventory/hosts").write_text("h\n")
    (tmp_path / "inventory/group_vars/all").symlink_to(tmp_path / "secret")
    with pytest.raises(Exception, match="AIVP0230"):
        read_static(tmp_path / "inventory/hosts", "hosts")


def test_a_pipe_is_no_inventory_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match="is no regular file"):
        read_static(tmp_path / "pipe", "pipe")
