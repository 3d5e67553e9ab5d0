"""`package_index` on real hosts: by age, by changed sources, once."""

from __future__ import annotations

import pytest
from aivp_contract.values import Json

from tests.providers.driver import Failed
from tests.providers.host.world import World

pytestmark = pytest.mark.lab

LISTS = "/var/lib/apt/lists"
CONFIG: dict[str, Json] = {"manager": "apt", "max_age": "1d"}


def has_lists(world: World) -> bool:
    return "_Packages" in world.sh(f"ls {LISTS}")


def test_missing_lists_are_fetched_and_young_ones_left_alone(world: World) -> None:
    assert world.converge("package_index", **CONFIG).decision.action == "create"
    assert has_lists(world)
    assert world.converge("package_index", **CONFIG).decision.action == "no-op"


def test_lists_that_somebody_cleaned_away_are_missing(world: World) -> None:
    world.converge("package_index", **CONFIG)
    world.sh(f"rm -rf {LISTS}/*")
    assert world.converge("package_index", prior=CONFIG, **CONFIG).decision.action == "update"
    assert has_lists(world)


def test_old_lists_are_refreshed_and_young_afterwards_though_nothing_in_them_changed(world: World) -> None:
    world.sh(f"apt-get update && touch -d '2 days ago' {LISTS}")
    assert world.converge("package_index", prior=CONFIG, **CONFIG).decision.action == "update"
    assert world.converge("package_index", prior=CONFIG, **CONFIG).decision.action == "no-op"


def test_lists_that_a_timer_refreshed_are_young(world: World) -> None:
    world.sh(f"apt-get update && touch -d '2 days ago' {LISTS} && touch /var/lib/apt/periodic/update-stamp")
    assert world.converge("package_index", **CONFIG).decision.action == "no-op"


@pytest.mark.parametrize("config", [CONFIG, {"manager": "apt"}])
@pytest.mark.parametrize("script", ["touch /etc/apt/sources.list", "touch /etc/apt/sources.list.d/new.list"])
def test_a_changed_source_makes_young_lists_old(world: World, config: dict[str, Json], script: str) -> None:
    world.converge("package_index", **config)
    assert world.converge("package_index", prior=config, **config).decision.action == "no-op"
    world.sh(f"sleep 0.05; {script}")
    assert world.converge("package_index", prior=config, **config).decision.action == "update"


def test_without_an_age_it_is_done_once(world: World) -> None:
    world.sh("apt-get update")
    config: dict[str, Json] = {"manager": "apt"}
    assert world.converge("package_index", **config).decision.action == "create"
    world.sh(f"touch -d '1 year ago' {LISTS} /etc/apt/sources.list /etc/apt/sources.list.d")
    assert world.converge("package_index", prior=config, **config).decision.action == "no-op"


def test_a_source_that_cannot_be_reached_fails_and_leaves_the_lists_old(world: World) -> None:
    world.sh("apt-get update")
    world.host.write("/etc/apt/sources.list.d/bad.list", "deb http://nowhere.invalid/debian x main\n")
    for _ in range(2):
        with pytest.raises(Failed) as failed:
            world.driver.converge("package_index", CONFIG)
        assert failed.value.error["class"] == "temporary"
        assert "nowhere.invalid" in failed.value.error["message"]
    world.sh("rm /etc/apt/sources.list.d/bad.list")
    assert world.converge("package_index", **CONFIG).decision.action == "create"


def test_a_source_without_a_repository_is_no_matter_of_time(world: World) -> None:
    world.sh("mkdir /srv/empty")
    world.host.write("/etc/apt/sources.list.d/bad.list", "deb file:/srv/empty x main\n")
    with pytest.raises(Failed) as failed:
        world.driver.converge("package_index", CONFIG)
    assert failed.value.error["class"] == "permanent"


def test_a_host_without_sources_says_so(world: World) -> None:
    world.sh(f"rm -rf /etc/apt/sources.list {LISTS}/*")
    with pytest.raises(Failed, match="no package source is configured"):
        world.driver.converge("package_index", CONFIG)
