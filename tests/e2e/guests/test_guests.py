"""Hosts that are resources of the same plan: made, worked in, started, replaced and gone, with what is within them."""

from __future__ import annotations

import shutil
import time

from tests.e2e.faults.world import PATIENCE
from tests.e2e.guests.conftest import House

ROOM = '  rooms/room.a: {path: "ROOT/a"}\n'
NOTE = '  file.note: {host: rooms/room.a, path: "ROOT/a/note", content: "${rooms/room.a.number}\\n"}\n'
LEDGER = '  command.once: {host: rooms/room.a, argv: [sh, -c, "echo $ROOM >> ROOT/ledger"], depends_on: [file.note]}\n'


def test_one_apply_makes_it_and_what_is_within(house: House) -> None:
    house.build(ROOM + NOTE + LEDGER)
    shown = house.succeed("plan")
    assert "comes with rooms/room.a@here" in shown
    house.succeed("apply", "-y")
    note = house.target / "a/note"
    assert len(note.read_text()) == 33
    assert house.addresses() == [
        "command.once@rooms/room.a@here",
        "file.note@rooms/room.a@here",
        "rooms/room.a@here",
    ]
    assert (house.target / "a/state/host.db").exists(), "a host of its own"
    house.settled()
    note.write_text("drift")
    assert house.aivp("drift").code == 2
    house.succeed("apply", "-y")
    assert len(note.read_text()) == 33
    house.settled()
    house.succeed("destroy", "-y")
    assert house.addresses() == []
    assert not (house.target / "a").exists()


def lines(house: House) -> int:
    """How often the command within has run."""
    ledger = house.target / "ledger"
    return len(ledger.read_text().splitlines()) if ledger.exists() else 0


def test_a_new_one_has_everything_done_anew(house: House) -> None:
    house.build(ROOM + NOTE + LEDGER)
    house.succeed("apply", "-y")
    first = (house.target / "a/note").read_text()
    house.build(ROOM.replace("}", ", size: 2}") + NOTE + LEDGER)
    shown = house.succeed("plan")
    assert shown.count("comes with rooms/room.a@here") == 2
    house.succeed("apply", "-y")
    assert (house.target / "a/note").read_text() != first
    assert lines(house) == 2
    house.settled()


def test_what_vanished_with_its_host_comes_again_with_it(house: House) -> None:
    house.build(ROOM + NOTE + LEDGER)
    house.succeed("apply", "-y")
    shutil.rmtree(house.target / "a")
    drifted = house.aivp("drift")
    assert drifted.code == 2, drifted.text
    house.succeed("apply", "-y")
    assert (house.target / "a/note").exists()
    assert lines(house) == 2
    house.settled()


def test_what_is_within_goes_with_its_host_and_is_not_called(house: House) -> None:
    house.build(ROOM + NOTE + LEDGER)
    house.succeed("apply", "-y")
    house.build("  noop.x: {host: here}\n")
    shown = house.succeed("plan")
    assert "file.note" not in shown
    house.succeed("apply", "-y")
    assert house.addresses() == ["noop.x@here"]
    house.settled()


def test_what_is_within_can_be_ended_first(house: House) -> None:
    shelf = '  file.shelf: {host: rooms/room.a, path: "ROOT/shelf", content: x, lifecycle: {on_host_destroy: delete}}\n'
    house.build(ROOM + shelf)
    house.succeed("apply", "-y")
    house.succeed("destroy", "-y")
    assert not (house.target / "shelf").exists()
    assert house.addresses() == []


def test_an_orphan_within_is_deleted(house: House) -> None:
    house.build(ROOM + NOTE + LEDGER)
    house.succeed("apply", "-y")
    house.build(ROOM)
    house.succeed("apply", "-y")
    assert not (house.target / "a/note").exists()
    assert house.addresses() == ["rooms/room.a@here"]
    house.settled()


def test_one_that_does_not_run_blocks_its_own_until_it_is_started(house: House) -> None:
    house.build(ROOM + NOTE + LEDGER)
    house.succeed("apply", "-y")
    shut = ROOM.replace("}", ", open: false}")
    house.build(shut + NOTE + LEDGER)
    assert "rooms/room.a@here is not to run" in house.aivp("apply", "-y").text
    held = house.aivp("plan")
    assert "rooms/room.a@here does not run" in held.text
    (house.target / "a/note").write_text("drift")
    house.build(ROOM + NOTE + LEDGER)
    house.succeed("apply", "-y")
    assert len((house.target / "a/note").read_text()) == 33
    assert lines(house) == 1, "what has run stays done"
    house.settled()


def test_one_that_is_made_shut_blocks_its_own(house: House) -> None:
    house.build(ROOM.replace("}", ", open: false}") + NOTE)
    made = house.aivp("apply", "-y")
    assert "rooms/room.a@here is not to run" in made.text
    assert house.addresses() == ["rooms/room.a@here"]
    assert "not finished" not in house.aivp("state", "check").text, "no run is left open"


def test_a_way_in_that_is_none_is_the_fault_of_the_provider(house: House) -> None:
    program = house.root / "providers/rooms/provider.py"
    sound = program.read_text()
    program.write_text(sound.replace("way = [", "way = 'touch pwned' or ["))
    house.build(ROOM + NOTE)
    broken = house.aivp("apply", "-y")
    assert "says no way in" in " ".join(broken.text.split())
    house.succeed("runs", "abandon")
    told = " ".join(house.aivp("plan").text.split())
    assert "what the provider rooms gives as channel is no argv" in told
    program.write_text(sound)
    house.succeed("apply", "-y")
    house.settled()


def test_one_that_fails_to_come_blocks_what_is_within(house: House) -> None:
    house.build(ROOM.replace("ROOT/a", "ROOT/missing/a") + NOTE)
    failed = house.aivp("apply", "-y")
    assert failed.code == 5, failed.text
    assert "blocked" in failed.text
    assert house.addresses() == []
    (house.target / "missing").mkdir()
    (house.target / "a").mkdir()
    house.succeed("apply", "--resume")
    house.settled()


def test_fleets_and_lists(house: House) -> None:
    rooms = '  rooms/room.f: {for_each: 3, path: "ROOT/f${each.key}"}\n'
    peers = (
        '  file.peers: {for_each: 3, host: "rooms/room.f[${each.key}]", path: "ROOT/peers-${each.key}", content: x}\n'
        '  file.own: {host: "rooms/room.f[1]", path: "ROOT/own", content: "${rooms/room.f[1].number}"}\n'
    )
    house.build(rooms + peers)
    house.succeed("apply", "-y")
    assert len(list(house.target.glob("peers-*"))) == 3
    assert len((house.target / "own").read_text()) == 32
    house.settled()
    house.build((rooms + peers).replace("for_each: 3", "for_each: 2"))
    house.succeed("apply", "-y")
    assert not (house.target / "f2").exists()
    assert len([name for name in house.addresses() if name.startswith("file.peers")]) == 2
    house.settled()


def test_one_within_another(house: House) -> None:
    inner = '  rooms/room.b: {host: rooms/room.a, path: "ROOT/a/b"}\n'
    note = '  file.deep: {host: rooms/room.b, path: "ROOT/a/b/deep", content: x}\n'
    house.build(ROOM + inner + note)
    house.succeed("apply", "-y")
    assert "file.deep@rooms/room.b@rooms/room.a@here" in house.addresses()
    assert (house.target / "a/b/state/host.db").exists()
    house.settled()
    house.build(ROOM)
    house.succeed("apply", "-y")
    assert house.addresses() == ["rooms/room.a@here"]
    house.succeed("destroy", "-y")


def test_hosts_that_are_resources_are_listed_asked_and_commanded(house: House) -> None:
    house.build(ROOM + NOTE)
    listed = house.succeed("hosts", "list")
    assert "rooms/room.a@here" in listed
    house.succeed("apply", "-y")
    assert "rooms/room.a@here" in house.succeed("hosts", "check")
    found = house.succeed("discover", "file@rooms/room.a@here", "--under", str(house.target / "a"))
    assert "host: rooms/room.a@here" in found
    assert "rooms/room.a@here: done" in house.succeed("exec", "rooms/room.a", "--", "true")
    house.settled()


def test_killed_in_the_middle_one_resume_ends_it(house: House) -> None:
    wait = "touch ROOT/begun; while test ! -e ROOT/go; do sleep 0.05; done"
    gate = f'  command.gate: {{host: rooms/room.a, argv: [sh, -c, "{wait}"]}}\n'
    house.build(ROOM + NOTE + LEDGER.replace("file.note", "command.gate") + gate)
    process = house.start("apply", "-y")
    until = time.monotonic() + PATIENCE
    while not (house.target / "begun").exists():
        assert time.monotonic() < until, process.communicate()
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=PATIENCE)
    (house.target / "go").touch()
    house.await_quiet()
    house.succeed("apply", "--resume")
    assert lines(house) == 1
    house.settled()


def test_a_lost_state_comes_back_with_what_is_within(house: House) -> None:
    inner = '  rooms/room.b: {host: rooms/room.a, path: "ROOT/a/b"}\n'
    inner += '  file.deep: {host: rooms/room.b, path: "ROOT/d", content: x}\n'
    house.build(ROOM + NOTE + LEDGER + inner)
    house.succeed("apply", "-y")
    before = house.addresses()
    for path in (house.project / ".aivp").rglob("state.db*"):
        path.unlink()
    assert "AIVP0606" in house.aivp("plan").text
    house.succeed("state", "rebuild", "-y")
    assert house.addresses() == before
    house.settled()
    assert lines(house) == 1


def test_one_that_was_there_is_reached_once_it_is_adopted(house: House) -> None:
    """The way in is known from then on, also to what asks state alone."""
    house.build(ROOM + NOTE)
    house.succeed("apply", "-y")
    house.succeed("state", "rm", "file.note@rooms/room.a@here")
    house.succeed("state", "rm", "rooms/room.a@here")
    assert "1 to adopt" in house.succeed("plan", "--target", "rooms/room.a")
    house.succeed("apply", "-y", "--target", "rooms/room.a")
    house.succeed("exec", "rooms/room.a@here", "--", "touch", f"{house.target}/a/entered")
    assert (house.target / "a/entered").exists()


def test_one_whose_making_failed_is_ours_all_the_same(house: House) -> None:
    """Taken for found, it would outlive its declaration."""
    house.build(ROOM + NOTE)
    storm = house.target / "storm"
    storm.touch()
    assert house.aivp("apply", "-y").code == 5
    assert (house.target / "a/room.json").exists()
    assert house.addresses() == ["rooms/room.a@here"]
    storm.unlink()
    house.succeed("apply", "-y")
    assert (house.target / "a/note").exists()
    house.settled()
    house.succeed("destroy", "-y")
    assert not (house.target / "a").exists()
    assert house.addresses() == []
