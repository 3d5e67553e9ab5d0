"""`providers:`: held to the manifest's schema, with the places of mistakes; it names variables, values and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aivp.compile import Compiled, compile_project
from aivp.diagnostics import Refused
from aivp.model.resource import read_ir
from aivp.plugins import Registry
from tests.plan.worlds import CLOUD_JSON, MANIFEST_JSON

from .projects import project

REGISTRY = Registry.of([MANIFEST_JSON, CLOUD_JSON])
ZONE = {"cloud/zone.z": {"name": "z"}}
SECRETS = {"t": {"env": "T"}, "u": {"env": "U", "version": "3"}}
WHOLE = {"url": "https://x", "token": "${secret.t}"}


def run(data: Mapping[str, Any]) -> Compiled:
    return compile_project(project({"secrets": SECRETS, "resources": ZONE, **data}), REGISTRY)


def said(data: Mapping[str, Any]) -> list[str]:
    with pytest.raises(Refused) as caught:
        run(data)
    return [f"{d.code} {d.span.file if d.span else '-'}: {d.why} {d.mend}".strip() for d in caught.value.diagnostics]


def test_it_is_in_the_ir_in_normal_form_with_defaults_and_secrets_by_origin() -> None:
    data = {
        "variables": {"region": "eu"},
        "values": {"v": "${var.region}-1"},
        "providers": {
            "cloud": {"url": "https://${values.v}.${environment.name}.${project.name}", "token": "a ${secret.u}"}
        },
    }
    ir = run(data).ir
    assert ir.form()["providers"]["cloud"] | {"token": ""} == {
        "url": "https://eu-1.main.test",
        "token": "",
        "timeout": 30,
    }
    origin = {"text": ["a ", {"secret": "u", "version": "3"}]}
    assert ir.providers["cloud"]["token"].origin == origin
    assert read_ir(ir.encode()) == ir
    assert b'"providers"' not in run({"resources": {}}).ir.encode()


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"url": "x"}, "AIVP0302 providers.cloud:key: providers.cloud: token is missing."),
        (
            {**WHOLE, "ulr": "x"},
            "AIVP0301 providers.cloud.ulr:key: providers.cloud: ulr is no known field here. Did you mean url?",
        ),
        ({**WHOLE, "url": 7}, "AIVP0302 providers.cloud.url: providers.cloud.url: expected text, found 7."),
        ({**WHOLE, "timeout": "soon"}, "AIVP0302 providers.cloud.timeout: providers.cloud.timeout: "),
        (
            {**WHOLE, "timeout": "${secret.t}"},
            "AIVP0302 providers.cloud.timeout: providers.cloud.timeout: a secret is text",
        ),
        ({**WHOLE, "token": "hush"}, "AIVP0308 providers.cloud.token: providers.cloud.token is a credential"),
        (
            {**WHOLE, "url": "${secret.x}"},
            "AIVP0202 providers.cloud.url: ${secret.x} refers to a secret that is not declared.",
        ),
        ({**WHOLE, "url": "${thing.a.name}"}, "AIVP0205 providers.cloud.url: ${thing.a.name} refers to a resource"),
        (
            {**WHOLE, "url": "${host.facts.os.id}"},
            "AIVP0202 providers.cloud.url: ${host.facts.os.id} stands where there is no host.",
        ),
        (
            {**WHOLE, "url": "${each.key}"},
            "AIVP0202 providers.cloud.url: ${each.key} stands where there is no for_each.",
        ),
    ],
)
def test_mistakes_are_told_where_they_stand(configuration: dict[str, Any], expected: str) -> None:
    (found,) = said({"providers": {"cloud": configuration}})
    assert found.startswith(expected)
    assert "hush" not in found


def test_all_mistakes_are_told_at_once() -> None:
    found = said({"providers": {"cloud": {"url": 1, "toke": "x"}, "test": {}, "clud": {}}})
    assert sorted(item.split(": ")[0] for item in found) == [
        "AIVP0301 providers.cloud.toke:key",
        "AIVP0302 providers.cloud.url",
        "AIVP0302 providers.cloud:key",
        "AIVP0313 providers.clud:key",
        "AIVP0315 providers.test:key",
    ]


def test_an_unknown_provider_and_one_that_takes_nothing() -> None:
    assert said({"providers": {"cluod": {}}, "resources": {}}) == [
        "AIVP0313 providers.cluod:key: The provider cluod is not installed. Did you mean cloud?"
    ]
    assert said({"providers": {"test": {"a": 1}}, "resources": {}}) == [
        "AIVP0315 providers.test:key: The provider test takes no configuration. Remove it."
    ]


def test_a_provider_that_is_used_must_be_told_what_it_needs() -> None:
    (found,) = said({})
    place = "AIVP0315 resources.cloud/zone.z:key: cloud/zone.z@controller: "
    assert found.removeprefix(place) == (
        "the provider cloud needs a configuration, at least token, url. Say providers: {cloud: {token: …, url: …}}."
    )


def test_what_is_served_on_the_controller_asks_no_host() -> None:
    data = {"providers": {"cloud": WHOLE}, "resources": {"cloud/zone.z": {"name": "${host.facts.os.id}"}}}
    (found,) = said(data)
    assert found.removeprefix("AIVP0202 resources.cloud/zone.z.name: ") == (
        "${host.facts.os.id} stands in a resource that is served on the controller, so it has no host. "
        "Use var or values here, or a field of a resource that has a host."
    )
