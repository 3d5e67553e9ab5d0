from __future__ import annotations

from aivp_runner.facts import gather

from aivp.model.facts import FACTS

TYPES = {"string": str, "integer": int, "boolean": bool}


def flat(facts: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in facts.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def test_the_runner_gathers_exactly_the_known_facts() -> None:
    gathered = flat(gather())
    assert gathered.keys() == FACTS.keys()
    for name, value in gathered.items():
        assert type(value) is TYPES[FACTS[name].type], name
