"""`serial` and `max_fail_percentage` of a group → its hosts in rounds; the check that no edge leads against them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from aivp_contract.values import Json

from aivp.compile.instance import Instance
from aivp.compile.mistake import Mistake, each
from aivp.compile.shape import whole
from aivp.config.project import Declared
from aivp.diagnostics import Diagnostics, Related
from aivp.model.graph import ResourceGraph
from aivp.model.resource import Edge
from aivp.model.rollout import Rollout

MEMBERS = ("serial", "max_fail_percentage")
"""What a group may have beside what a selector has."""

CODE = "AIVP0228"
_SHARE = re.compile(r"([1-9][0-9]?|100)%")
_MOST = 100_000


def read_rollout(group: str, value: Mapping[str, Json], hosts: Sequence[str]) -> Rollout | None:
    """The rollout of a group with these `hosts`, sorted; None where it has no `serial`. Raises Mistake."""
    if "serial" not in value:
        if "max_fail_percentage" in value:
            why = "max_fail_percentage holds back later rounds, and without serial there is only one."
            raise Mistake(CODE, why, "Add serial, such as serial: [1, 30%].", "max_fail_percentage")
        return None
    sizes = _sizes(value["serial"], len(hosts))
    most = whole(value.get("max_fail_percentage", 0), 0, 100, "max_fail_percentage", "max_fail_percentage")
    return Rollout(group, _rounds(hosts, sizes), most)


def _sizes(value: Json, count: int) -> list[int]:
    if type(value) is list:
        if not value:
            raise Mistake(CODE, "serial is a number of hosts, a percentage, or a list of these.", "", "serial")
        try:
            return each(lambda item: _size(item, count), enumerate(value))
        except Mistake as mistake:
            raise mistake.beneath("serial") from None
    try:
        return [_size(value, count)]
    except Mistake as mistake:
        raise mistake.beneath("serial") from None


def _size(value: Json, count: int) -> int:
    """How many hosts a round has: at least one, of a percentage as many as are whole."""
    if type(value) is int and 1 <= value <= _MOST:
        return value
    if type(value) is str and (match := _SHARE.fullmatch(value)):
        return max(1, count * int(match[1]) // 100)
    raise Mistake(CODE, "serial is a number of hosts from 1 on, a percentage such as 30%, or a list of these.")


def _rounds(hosts: Sequence[str], sizes: Sequence[int]) -> list[list[str]]:
    """The last of `sizes` is that of all further rounds."""
    found: list[list[str]] = []
    left = list(hosts)
    while left:
        size = sizes[min(len(found), len(sizes) - 1)]
        found.append(left[:size])
        left = left[size:]
    return found


def check_rollouts(
    rollouts: Collection[Rollout],
    groups: Mapping[str, Declared],
    instances: Mapping[str, Instance],
    edges: Sequence[Edge],
    diagnostics: Diagnostics,
) -> None:
    """Report every declaration with an instance that waits for one of a later round; `edges` are without a circle."""
    if not rollouts or not edges:
        return
    graph = ResourceGraph({address: (item.place, 0) for address, item in instances.items()}, edges)
    for rollout in rollouts:
        _check(rollout, groups[rollout.group], graph, instances, diagnostics)


def _check(
    rollout: Rollout,
    group: Declared,
    graph: ResourceGraph,
    instances: Mapping[str, Instance],
    diagnostics: Diagnostics,
) -> None:
    number = {name: index for index, names in enumerate(rollout.rounds, 1) for name in names}
    latest: dict[str, tuple[int, str]] = {}
    """Address → the latest round among what it waits for, and what of it is in that round."""
    told: set[int] = set()
    for address in graph.order:
        before = graph.predecessors(address)
        found = [(number.get(instances[name].place, 0), name) for name in before] + [latest[name] for name in before]
        latest[address] = max(found, key=lambda item: item[0], default=(0, ""))
        own = number.get(instances[address].place)
        declaration = instances[address].declaration
        if own is None or latest[address][0] <= own or id(declaration) in told:
            continue
        told.add(id(declaration))
        round_, other = latest[address]
        why = f"{address} is in round {own} of {rollout.group}, and waits for {other}, which is in round {round_}."
        mend = f"Remove the dependency, or serial from the group {rollout.group}."
        related = [Related(group.key_span("serial"), f"rounds of {rollout.group}")]
        diagnostics.error("AIVP0229", why, mend, span=declaration.span(), address=address, related=related)
