"""The SBOM: lawful CycloneDX, complete for Python and for Go, and true of the files beside it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from tests.packaging.conftest import ROOT

SCHEMAS = Path(__file__).with_name("schemas")


@pytest.fixture(scope="module")
def bom(dist: Path) -> Any:
    (path,) = dist.glob("aivp-*.cdx.json")
    return json.loads(path.read_text())


def test_it_is_as_the_official_schema_says(bom: Any) -> None:
    documents = [json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")]
    registry: Registry[Any] = Registry().with_resources(
        [(item["$id"], Resource.from_contents(item)) for item in documents]
    )
    (schema,) = (item for item in documents if item["$id"].endswith("bom-1.5.schema.json"))
    check = jsonschema.Draft7Validator(schema, registry=registry)
    assert [f"{list(error.path)}: {error.message[:300]}" for error in check.iter_errors(bom)] == []
    assert list(check.iter_errors({**bom, "components": [{"name": "x"}]})), "the schema checks nothing"


def test_every_reference_leads_somewhere(bom: Any) -> None:
    refs = [item["bom-ref"] for item in (bom["metadata"]["component"], *bom["components"])]
    assert len(refs) == len(set(refs))
    assert sorted(item["ref"] for item in bom["dependencies"]) == sorted(refs)
    assert {ref for item in bom["dependencies"] for ref in item.get("dependsOn", ())} <= set(refs)


def test_it_holds_all_that_is_locked_but_for_developers(bom: Any) -> None:
    lock = {item["name"]: item for item in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    wanted, new = set(), {"aivp"}
    while new:
        wanted |= new
        needs = [
            need["name"]
            for name in new
            for need in (
                *lock[name].get("dependencies", ()),
                *(need for needs in lock[name].get("optional-dependencies", {}).values() for need in needs),
            )
        ]
        new = set(needs) - wanted
    names = {item["name"] for item in bom["components"] if not item.get("purl", "").startswith("pkg:golang/")}
    assert names | {"aivp"} == wanted
    assert not names & {"pytest", "ruff", "mypy"}


def test_every_library_has_the_licence_that_it_says_it_has(bom: Any) -> None:
    """Most say it in SPDX's words; the others were read by hand, and packages/python_licences.json keeps both."""
    for item in bom["components"]:
        ((licence,),) = ([one["expression"] for one in item["licenses"]],)
        if item.get("purl", "").startswith("pkg:pypi/"):
            try:
                said = importlib.metadata.metadata(item["name"])["License-Expression"]
            except importlib.metadata.PackageNotFoundError:
                continue  # of another platform
            assert said in (None, licence), item["name"]


def test_it_holds_all_that_is_linked_into_cue(bom: Any) -> None:
    listed = json.loads((ROOT / "packages/cue/modules.json").read_text())["modules"]
    found = {item["name"]: item for item in bom["components"] if item.get("purl", "").startswith("pkg:golang/")}
    assert found.keys() == {"std", *(item["path"] for item in listed)}
    for item in listed:
        assert found[item["path"]]["purl"] == f"pkg:golang/{item['path']}@{item['version']}"
        assert found[item["path"]]["licenses"] == [{"expression": item["license"]}]
    (edges,) = (item for item in bom["dependencies"] if item["ref"].startswith("aivp-cue-"))
    assert edges["dependsOn"] == sorted(item["bom-ref"] for item in found.values())


def test_our_wheels_are_known_by_their_digest_and_by_no_name_of_an_index(bom: Any, dist: Path) -> None:
    """`aivp` on PyPI is another project: a purl would point at it."""
    ours = [item for item in (bom["metadata"]["component"], *bom["components"]) if item["name"].startswith("aivp")]
    assert len(ours) == 10
    for item in ours:
        assert "purl" not in item
        wheels = sorted(dist.glob(f"{item['name'].replace('-', '_')}-*.whl"))
        assert [found["content"] for found in item.get("hashes", ())] == [
            hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels
        ]
