"""What was measured → the page of the documentation: a row for each form of a kind, a column for each world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.matrix.case import WORLDS, Case
from tests.matrix.measure import Measured

_HEAD = """\
# The matrix: what a second apply does, on which host, by which way

<!-- Written by `python -m tests.matrix --docs`, as root. Do not edit. -->

Every kind for hosts, in each form that it is declared in, meets five worlds: what is declared is **absent**, is
there as declared (**compliant**), has **drifted**, is **half-applied** (a run was broken off, or only some of it
was made), or something **hostile** stands in its place: another type of file, a link that leads away, a name or id
that somebody else has, a masked unit. Each cell says what aivp does there, and on how many of {places} hosts
everything below held.

{hosts}

- **The second plan is empty**, and planning changes nothing.
- **The second apply changes nothing**: the same files with the same times, packages, accounts, units and their
  invocations. Of the system calls of all processes of the runner, read by strace from outside, none changes
  anything beyond aivp's own journal and cache; those calls are listed below.
- **Prediction = effect**: each field is afterwards what the plan said, was before what the plan said, and nothing
  else on the host changed: files, the package database, accounts, units.
- **Refused** is refused while planning, with a diagnostic that says why; **fails** is a step that fails with its
  reason when it is applied, since only then it can be known, and in the same way again the second time. What is
  refused changes nothing; what fails changes nothing but the thing itself.
- **Both ways are alike**: every step of a plan and every refusal is the same by either way.

All of it is seen from outside the host, by code that shares nothing with aivp ([tests/matrix](../../tests/matrix)).
A world that a form cannot have is marked –. `make test` runs a slice, `make test-all` all of it.

"""


def page(results: Sequence[Measured], cases: Sequence[Case], unlike: Sequence[str]) -> str:
    """The whole page. unlike: where two ways differed."""
    parts = [_HEAD.format(places=len(results), hosts=_hosts(results)), _table(results, cases), _calls(results)]
    wrong = [f"{result.suite}, {result.way}: {text}" for result in results for text in result.told] + list(unlike)
    parts.append(_section("What is not as it should be", wrong) if wrong else "")
    return "\n".join(part for part in parts if part)


def _hosts(results: Sequence[Measured]) -> str:
    suites = ", ".join(dict.fromkeys(result.suite for result in results))
    return f"""\
The hosts are throwaway systemd hosts: {suites}. Each is reached **locally** (aivp starts the runner as its own
child there, by nsenter: a host has no aivp, so `transport: local` cannot be had on it) and over **SSH** (OpenSSH,
an account that becomes root by sudo)."""


def _table(results: Sequence[Measured], cases: Sequence[Case]) -> str:
    lines = [f"| kind | form | {' | '.join(WORLDS)} |", "|---" * (len(WORLDS) + 2) + "|"]
    for kind, form in dict.fromkeys((case.kind, case.form) for case in cases):
        row = [case for case in cases if (case.kind, case.form) == (kind, form)]
        cells = ["<br>".join(_cell(results, case) for case in row if case.world == world) or "–" for world in WORLDS]
        lines.append(f"| `{kind}` | {form} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(results: Sequence[Measured], case: Case) -> str:
    held = sum(not result.findings.get(case.name) for result in results)
    twist = f" ({case.twist})" if case.twist else ""
    return f"{_word(results, case)}{twist} {held}/{len(results)}"


def _word(results: Sequence[Measured], case: Case) -> str:
    if case.outcome != "done":
        return {"refused": "refused", "failed": "fails"}[case.outcome]
    steps = [result.steps.get(case.address) for result in results]
    return " or ".join(dict.fromkeys(map(_action, steps)))


def _action(step: Mapping[str, Any] | None) -> str:
    """What a plan does to the host; a resource that is as declared may be listed without a change."""
    if step is None or not (step.get("changes") or step["action"] == "delete"):
        return "nothing"
    return str(step["action"])


def _calls(results: Sequence[Measured]) -> str:
    own = sorted(set[str]().union(*(result.own_calls for result in results)))
    return _section("What the runner does to its own files in a second apply", [f"`{call}`" for call in own])


def _section(title: str, items: Sequence[str]) -> str:
    return f"## {title}\n\n" + "".join(f"- {item}\n" for item in items)
