"""References to whole resources, where a field takes one; and the example of the language with machines in it."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from aivp_contract.manifest import BadManifest, read_manifest

from aivp.compile import Compiled, compile_project
from aivp.diagnostics import Refused
from aivp.model.expression import Ref
from aivp.plugins import Registry
from aivp.schema.json_schema import json_schema
from aivp.schema.language import language

from .machines import MACHINES, VM
from .manifest import CLOUD_MANIFEST, HOST_MANIFEST
from .projects import project

REGISTRY = Registry.of([HOST_MANIFEST, CLOUD_MANIFEST, *MACHINES])
HOSTS = {"lab": {"transport": "local"}, "edge": {"transport": "ssh", "address": "edge.example.com"}}
IMAGE = {"host": "lab", "debian": {"suite": "bookworm"}}
AGENT_LAB: dict[str, Any] = {
    "hosts": HOSTS,
    "variables": {"workers": 2},
    "resources": {
        "network.lab": {"host": "lab", "cidr": "10.77.0.0/24", "mode": "nat"},
        "image.worker": IMAGE,
        "vm.worker": {
            "host": "lab",
            "for_each": "${var.workers}",
            "image": "${image.worker}",
            "memory": "512MiB",
            "networks": [{"network": "${network.lab}"}],
        },
        "package.nginx": {"host": ["edge", "vm.worker"]},
        "file.site": {
            "host": ["edge", "vm.worker"],
            "path": "/etc/nginx/conf.d/site.conf",
            "template": {"inline": "{{ peers }}"},
            "vars": {"peers": "${vm.worker[*].address}"},
            "notify": ["service.nginx"],
        },
        "service.nginx": {"host": ["edge", "vm.worker"], "running": True, "enabled": True},
    },
}


def compiled(data: dict[str, Any]) -> Compiled:
    document = {"aivp": "v1", "project": "test", **{k: v for k, v in data.items() if k != "variables"}}
    schema = jsonschema_rs.Draft7Validator(json_schema(language(REGISTRY.manifests)))
    assert [error.message for error in schema.iter_errors(document)] == []
    return compile_project(project(data), REGISTRY)


def vm(**fields: Any) -> dict[str, Any]:
    """A VM beside some things that it may refer to; `more` declares others."""
    more = fields.pop("more", {})
    resources = {
        "image.worker": IMAGE,
        "image.each": {**IMAGE, "for_each": ["a", "b"]},
        "network.lab": {"host": "lab"},
        "acme/zone.z": {},
        **more,
    }
    return {"hosts": HOSTS, "resources": {**resources, "vm.v": {"host": "lab", **fields}}}


def attributes(**fields: Any) -> Any:
    return compiled(vm(**fields)).ir.resources["vm.v@lab"].attributes


def said(**fields: Any) -> list[str]:
    with pytest.raises(Refused) as caught:
        compile_project(project(vm(**fields)), REGISTRY)
    return [
        f"{item.code} {item.span.file if item.span else '-'}: {item.why} {item.mend}"
        for item in caught.value.diagnostics
    ]


def path(address: str) -> Ref:
    return Ref(address, ("path",))


def test_the_agent_lab() -> None:
    """The example that the language was designed with."""
    ir = compiled(AGENT_LAB).ir
    one = ir.resources["vm.worker[1]@lab"]
    assert one.attributes["image"] == path("image.worker@lab")
    assert one.attributes["networks"] == [{"network": path("network.lab@lab")}]
    places = ["edge", "vm.worker[0]@lab", "vm.worker[1]@lab"]
    for name in ("package.nginx", "file.site", "service.nginx"):
        assert [address for address in ir.resources if address.startswith(f"{name}@")] == [
            f"{name}@{x}" for x in places
        ]
    addresses = [Ref(f"vm.worker[{number}]@lab", ("address",)) for number in (0, 1)]
    for place in places:
        assert ir.resources[f"file.site@{place}"].attributes["content"].vars["peers"] == addresses
    found = {(edge.before, edge.after) for edge in ir.edges if edge.after == "vm.worker[0]@lab"}
    assert found == {("image.worker@lab", "vm.worker[0]@lab"), ("network.lab@lab", "vm.worker[0]@lab")}


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"image": "${image.worker}"}, "image", path("image.worker@lab")),
        ({"image": "${image.worker@lab}"}, "image", path("image.worker@lab")),
        ({"image": "${image.each[b]}"}, "image", path("image.each[b]@lab")),
        ({"image": "${image.worker.path}"}, "image", path("image.worker@lab")),
        ({"image": "/srv/images/x"}, "image", "/srv/images/x"),
        ({"networks": [{"network": "${network.lab}", "address": "10.77.0.5"}]}, "networks",
         [{"network": path("network.lab@lab"), "address": "10.77.0.5"}]),
        ({"disks": ["${image.worker}"]}, "disks", [path("image.worker@lab")]),
        ({"disks": "${image.each[*]}"}, "disks", [path("image.each[a]@lab"), path("image.each[b]@lab")]),
        ({"zone": "${acme/zone.z}"}, "zone", Ref("acme/zone.z@controller", ("id",))),
    ],
)  # fmt: skip
def test_a_whole_resource_means_a_field_of_it(fields: dict[str, Any], name: str, value: Any) -> None:
    assert attributes(**fields)[name] == value


def test_the_key_is_that_of_the_resource_itself() -> None:
    data = vm()
    data["resources"]["vm.many"] = {"host": "lab", "for_each": ["b"], "image": "${image.each}"}
    assert compiled(data).ir.resources["vm.many[b]@lab"].attributes["image"] == path("image.each[b]@lab")


def test_each_host_has_its_own() -> None:
    data = vm(more={"image.worker": {**IMAGE, "host": ["lab", "edge"]}})
    data["resources"]["vm.v"] = {"host": ["lab", "edge"], "image": "${image.worker}"}
    found = compiled(data).ir.resources
    assert [found[f"vm.v@{name}"].attributes["image"] for name in HOSTS] == [
        path(f"image.worker@{name}") for name in HOSTS
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"image": "${network.lab}"},
            "image takes a resource of the kind image, and ${network.lab} is of the kind network. There are: image.e",
        ),
        ({"image": "${vm.worker}"}, "${vm.worker} is of the kind vm. Did you mean ${image.worker}?"),
        (
            {"networks": [{"network": "${image.lab}"}]},
            "${image.lab} is of the kind image. Did you mean ${network.lab}?",
        ),
        (
            {"zone": "${image.worker}"},
            "zone takes a resource of the kind acme/zone, and ${image.worker} is of the kind",
        ),
        (
            {"memory": "${image.worker}"},
            "${image.worker} refers to a whole resource, and nothing here takes one. Name a",
        ),
        ({"image": "x ${image.worker}"}, "refers to a whole resource, and nothing here takes one."),
        ({"disks": "${image.worker}"}, "refers to a whole resource, and nothing here takes one."),
        (
            {"image": "${image.far}", "more": {"image.far": {**IMAGE, "host": "edge"}}},
            "${image.far} is image.far@edge, and vm.v@lab needs one on its own host. Declare image.far on lab, too.",
        ),
    ],
)
def test_what_is_not_taken(fields: dict[str, Any], message: str) -> None:
    (found,) = said(**fields)
    assert found.startswith("AIVP0217 resources.vm.v."), found
    assert message in found


def test_one_that_is_not_declared() -> None:
    (found,) = said(image="${image.wroker}")
    assert "vm.v@lab refers to image.wroker, which is not declared. Did you mean image.worker" in found


@pytest.mark.parametrize("refers", ["image", {"kind": "image"}, {"kind": "image", "field": "path", "her": True}])
def test_a_manifest_says_all_of_it(refers: Any) -> None:
    schema = {"properties": {"name": {}, "x": {"x-aivp": {"refers": refers}}}}
    with pytest.raises(BadManifest, match=r"vm: vm\.x: refers"):
        read_manifest({**VM, "kinds": {"vm": {"identity": ["name"], "schema": schema}}})
