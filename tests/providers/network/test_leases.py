"""Leases: from names, never twice, static where asked for."""

from __future__ import annotations

import ipaddress

import pytest
from aivp_network.segment.leases import Lease, Wish, allocate
from aivp_network.segment.problem import Refused
from aivp_network.segment.spec import Reservation, Spec
from hypothesis import given
from hypothesis import strategies as st

SPEC = Spec(
    name="lab",
    key="0123456789ab",
    mode="nat",
    cidr="10.77.0.0/28",
    gateway="10.77.0.1",
    first="10.77.0.1",
    last="10.77.0.14",
    mtu=1500,
    cidr6="fd77::/64",
    gateway6="fd77::1",
    bridge="av-lab-12345",
    reservations=(Reservation("mail", 0, "10.77.0.14", "fd77::25", "02:00:00:00:00:25"),),
)
OWNERS = st.lists(st.text("abcdef", min_size=1, max_size=4), unique=True, max_size=12)


def fill(owners: list[str]) -> list[Lease]:
    leases: list[Lease] = []
    for owner in owners:
        leases.append(allocate(SPEC, leases, Wish(owner, 0)))
    return leases


@given(OWNERS)
def test_no_two_have_the_same(owners: list[str]) -> None:
    leases = fill(owners)
    for name in ("address", "address6", "mac"):
        values = [getattr(lease, name) for lease in leases]
        assert len(set(values)) == len(values)
    for lease in leases:
        assert ipaddress.ip_address(lease.address) in ipaddress.ip_network(SPEC.cidr)
        assert lease.address not in ("10.77.0.0", "10.77.0.1", "10.77.0.14", "10.77.0.15")
        assert int(lease.mac[:2], 16) & 3 == 2, "locally administered, of one interface"


@given(OWNERS)
def test_whoever_has_one_keeps_it(owners: list[str]) -> None:
    leases = fill(owners)
    for lease in leases:
        assert allocate(SPEC, leases, Wish(lease.owner, 0)) == lease


def test_it_follows_from_the_name() -> None:
    assert fill(["web"]) == fill(["web"])
    assert fill(["web"])[0].address != fill(["db"])[0].address
    assert fill(["web"])[0] == Lease("web", 0, fill(["web"])[0].mac, "10.77.0.10", "fd77::a")


def test_none_is_left() -> None:
    leases = fill([f"vm-{number}" for number in range(12)])
    with pytest.raises(Refused, match="no address left: all 14 from"):
        allocate(SPEC, leases, Wish("late", 0))
    assert allocate(SPEC, leases, Wish("mail", 0)).address == "10.77.0.14", "kept for it"


def test_what_is_reserved_is_had() -> None:
    lease = allocate(SPEC, [], Wish("mail", 0))
    assert (lease.address, lease.address6, lease.mac) == ("10.77.0.14", "fd77::25", "02:00:00:00:00:25")
    assert allocate(SPEC, [], Wish("mail", 1)).address != "10.77.0.14"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("b", 0, "10.77.0.5"), "10.77.0.5 is taken in network lab: a has it"),
        (Wish("b", 0, address6="fd77::5"), "fd77::5 is taken in network lab: a has it"),
        (Wish("b", 0, mac="02:00:00:00:00:01"), "the MAC 02:00:00:00:00:01 belongs to a"),
        (Wish("b", 0, "10.77.0.14"), "10.77.0.14 is reserved in network lab for mail"),
        (Wish("b", 0, "10.77.0.1"), "the host's own address"),
        (Wish("b", 0, "10.77.0.15"), "it stands for all of 10.77.0.0/28"),
        (Wish("b", 0, "10.78.0.5"), "not in network lab, which is 10.77.0.0/28"),
        (Wish("b", 0, "here"), "here is no address"),
        (Wish("b", 0, address6="fd78::5"), "not in network lab"),
        (Wish("b", 0, mac="03:00:00:00:00:01"), "the MAC of no single interface"),
        (Wish("b", 0, mac="web"), "web is no MAC"),
    ],
)
def test_what_cannot_be_had(wish: Wish, said: str) -> None:
    first = allocate(SPEC, [], Wish("a", 0, "10.77.0.5", "fd77::5", "02:00:00:00:00:01"))
    with pytest.raises(Refused, match=said):
        allocate(SPEC, [first], wish)


def test_another_static_address_moves_the_lease() -> None:
    first = allocate(SPEC, [], Wish("a", 0, "10.77.0.5"))
    moved = allocate(SPEC, [first], Wish("a", 0, "10.77.0.6"))
    assert (moved.address, moved.mac) == ("10.77.0.6", first.mac)
    assert allocate(SPEC, [moved], Wish("a", 0)).address == "10.77.0.6"
