"""Outcomes as JUnit XML, as build servers read it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from .report import printable
from .run import Outcome


def document(name: str, outcomes: Sequence[Outcome], seconds: float) -> bytes:
    """One suite, a case for each outcome: the kind is its class, the check its name."""
    states = [outcome.state for outcome in outcomes]
    counts = {"tests": len(states), "failures": states.count("failed"), "errors": 0, "skipped": states.count("skipped")}
    numbers = {word: str(count) for word, count in counts.items()} | {"time": f"{seconds:.3f}"}
    totals = {word: text for word, text in numbers.items() if word != "skipped"}  # which the schema has for suites only
    root = Xml.Element("testsuites", {"name": "aivp-conformance", **totals})
    suite = Xml.SubElement(root, "testsuite", {"name": printable(name), **numbers})
    for outcome in outcomes:
        place = {"name": outcome.check, "classname": outcome.kind or "session", "time": f"{outcome.seconds:.3f}"}
        case = Xml.SubElement(suite, "testcase", place)
        if outcome.state == "failed":
            failure = Xml.SubElement(case, "failure", {"message": printable(outcome.text), "type": outcome.check})
            failure.text = printable(outcome.shown)
        elif outcome.state == "skipped":
            Xml.SubElement(case, "skipped", {"message": printable(outcome.text)})
        elif outcome.left_out:
            Xml.SubElement(case, "system-out").text = printable(f"not looked at: {outcome.left_out}")
    Xml.indent(root)
    return bytes(Xml.tostring(root, "utf-8", xml_declaration=True)) + b"\n"
