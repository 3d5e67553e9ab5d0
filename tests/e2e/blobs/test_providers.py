"""Large content in the hands of a third-party provider: a path in what it applies, and only where it is needed."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.blobs.conftest import Gated

BOX = """
aivp: v1
project: blobs
variables: {{root: {{type: string}}}}
hosts: {{here: {{transport: local}}}}
resources:
  carrier/box.large: {{path: "${{var.root}}/target/large", source: files/large, label: {label}}}
"""


def test_a_provider_gets_the_path_of_what_it_applies(gated: Gated) -> None:
    world = gated.world
    providers = {"AIVP_PROVIDERS": str(Path(__file__).parent)}
    world.declare(BOX.format(label="one"))
    result = world.aivp("apply", "-y", **providers)
    assert result.code == 0, result.text
    assert gated.target.read_bytes() == gated.content
    assert world.aivp("plan", "--detailed-exitcode", **providers).code == 0
    world.declare(BOX.format(label="two"))
    result = world.aivp("apply", "-y", **providers)
    assert result.code == 0, result.text
    assert (world.target / "large.label").read_text() == "two"
    gated.write(gated.content[:-1] + b"!")
    result = world.aivp("apply", "-y", **providers)
    assert result.code == 0, result.text
    assert gated.target.read_bytes() == gated.content
    assert not (world.host / "blobs").exists()
