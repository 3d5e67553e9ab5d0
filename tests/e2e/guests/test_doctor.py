"""aivp doctor of hosts that are resources: seen once they are there, and until then said to be on their way."""

from __future__ import annotations

from tests.e2e.guests.conftest import House

ROOM = '  rooms/room.a: {path: "ROOT/a"}\n'
USER = "  user.x: {host: rooms/room.a}\n"


def test_a_guest_is_examined_once_it_is_there(house: House) -> None:
    house.build(ROOM)
    before = house.aivp("doctor")
    assert before.code == 0, before.text
    assert "rooms/room.a@here" not in before.text, "nothing is declared in it"
    assert "AIVP0699" in house.aivp("doctor", "rooms/room.a").text
    house.build(ROOM + USER)
    before = house.aivp("doctor")
    assert "warning[AIVP0699]" in before.text
    assert "rooms/room.a@here is not there, or does not run" in before.text
    house.build(ROOM)
    house.succeed("apply", "-y")
    house.build(ROOM + USER)
    after = house.aivp("doctor", "-v")
    assert "AIVP0699" not in after.text
    assert "command useradd" in after.text.partition("rooms/room.a@here")[2]
    house.build(ROOM)
    house.succeed("destroy", "-y")
