"""A plan with its content in one file, applied where the sources are not."""

from __future__ import annotations

import shutil

from tests.e2e.blobs.conftest import SIZE, Gated
from tests.e2e.blobs.test_transfers import broken_off, kill_engine


def test_a_bundle_is_applied_without_the_sources(gated: Gated) -> None:
    text = gated.world.succeed("plan", "--bundle", "b.tar")
    assert "aivp apply b.tar" in text
    gated.world.succeed("plan", "-o", "plan.json", "--bundle", "c.tar")
    first, second = ((gated.world.project / name).read_bytes() for name in ("b.tar", "c.tar"))
    assert first == second
    shown = gated.world.succeed("show", "plan.json")
    assert gated.world.succeed("show", "b.tar") == shown
    shutil.rmtree(gated.world.project / "files")
    gated.world.succeed("apply", "b.tar")
    (gated.world.project / "files").mkdir()
    gated.write(gated.content)
    gated.check_done()


def test_a_bundle_counts_by_the_digest_of_its_plan(gated: Gated) -> None:
    gated.world.succeed("plan", "-o", "plan.json", "--bundle", "b.tar")
    path = gated.world.project / "b.tar"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    result = gated.world.aivp("apply", "b.tar")
    assert (result.code, "AIVP0514" in result.text) == (4, True), result.text
    data[600] ^= 1  # within the plan
    path.write_bytes(data)
    result = gated.world.aivp("apply", "b.tar")
    assert (result.code, "AIVP05" in result.text) == (4, True), result.text
    path.write_bytes(path.read_bytes()[:-10])
    result = gated.world.aivp("apply", "b.tar")
    assert (result.code, "AIVP0515" in result.text) == (4, True), result.text
    assert list(gated.world.target.iterdir()) == []


def test_a_run_of_a_bundle_is_gone_on_with_by_the_bundle(gated: Gated) -> None:
    gated.world.succeed("plan", "--bundle", "b.tar")
    was = gated.content
    gated.write(b"something else" * 10_000)
    gated.world.succeed("plan", "-o", "other.json")
    broken_off(gated, kill_engine, "apply", "b.tar")
    result = gated.world.aivp("apply", "--resume")
    assert (result.code, "AIVP0514" in result.text) == (4, True), result.text
    result = gated.world.aivp("apply", "--resume", "other.json")
    assert (result.code, "AIVP0516" in result.text) == (4, True), result.text
    gated.world.succeed("apply", "--resume", "b.tar")
    assert gated.passed() < SIZE
    gated.write(was)
    gated.check_done()
