"""What a reader sees of a plan, whatever shows it: terminal, Markdown and HTML render from these values alone.

Nothing here knows a width, a colour or a markup. Every text may hold anything (control characters, `</script>`):
whoever writes it somewhere passes it through the escaping of that sink. Secrets are in it by name only. `lay_out`
makes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aivp.plan.steps import Cause, Severity, Step

Role = Literal["create", "update", "replace", "delete", "adopt", "move", "forget", "refresh", "check", "no-op"]
"""What a step comes to for its reader: an update that removes deletes, a creation in place of another replaces."""

Op = Literal["set", "add", "remove", "replace"]
"""What happens to a field; `set`: it belongs to something new, so there is nothing to compare."""

Stress = Literal["", "changed", "left out"]
"""`changed`: the words in which a line differs from its counterpart; `left out`: says how much stands here unshown."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How much of a plan a reader wants to see.

    room: characters that a change may take on one line; a list or mapping that needs more is shown line by line.
    lines: how many of one text or list are shown, None for all; characters: how much of one line.
    is_whole: nothing is folded; else steps that only check again are counted, and of many alike one is shown.
    """

    room: int = 100
    lines: int | None = 40
    characters: int = 400
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a line."""

    text: str
    stress: Stress = ""


Segments = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """sign: `+`, `-`, a space for what stays, `@` for where a part begins, `\\` for a remark (no newline there)."""

    sign: str
    segments: Segments


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A field whose values stand on one line: `mode: 0644 -> 0600`. A side that there is not is empty.

    cause: told only where a step mixes causes. is_forcing: this difference is why the whole thing is replaced.
    """

    op: Op
    name: str
    before: Segments = ()
    after: Segments = ()
    cause: Cause | None = None
    is_forcing: bool = False


@dataclass(frozen=True, slots=True)
class TextChange:
    """A field whose difference is shown line by line: a text, or the entries of a large list or mapping.

    summary: `(2 lines added, 1 removed)`. hidden: lines that were left out at the end; noun: what to call them.
    """

    op: Op
    name: str
    summary: str
    lines: Sequence[DiffLine]
    hidden: int = 0
    noun: Literal["line", "entry"] = "line"
    cause: Cause | None = None
    is_forcing: bool = False


@dataclass(frozen=True, slots=True)
class ElementChange:
    """An element of a set comes or goes; it is its own name."""

    op: Op
    value: Segments
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class MembersChange:
    """A field of which some members change. hidden: members that were left out at the end."""

    name: str
    members: Sequence[Change]
    hidden: int = 0
    cause: Cause | None = None
    is_forcing: bool = False


Change = ValueChange | TextChange | ElementChange | MembersChange


@dataclass(frozen=True, slots=True)
class StepOutline:
    """One step as its reader sees it.

    label: its address without the host, which is told above it. cause: None where no field changes, `both` where a
    step mixes intent and drift. waits_for: ids of steps; bounds: fields that a conditional step may touch.
    alike: addresses of further steps of this host that differ from it in name and values only, folded into it.
    varies: fields whose values are other ones there; varies_by_host: on the hosts that are told together with its own.
    remarks: what else counts, in words.
    """

    id: str
    address: str
    label: str
    kind: str
    host: str
    role: Role
    severity: Severity
    reason: str
    cause: Cause | Literal["both"] | None = None
    is_conditional: bool = False
    is_deferred: bool = False
    previous: str | None = None
    changes: Sequence[Change] = ()
    waits_for: Sequence[str] = ()
    notifies: Sequence[str] = ()
    bounds: Sequence[str] = ()
    remarks: Sequence[str] = ()
    alike: Sequence[str] = ()
    varies: Sequence[str] = ()
    varies_by_host: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class HostOutline:
    """One host with its steps in the order in which they will run, or several on which the same happens.

    names: sorted; the steps are told for the first of them, by values, and their reasons do not name it where there are
    several. transport: how it is reached; empty where nobody knows
    and for the controller.
    severity: of its most severe step. size: steps of each host, folded ones included.
    checks: addresses of folded steps that find their resource as declared and look again after earlier steps.
    """

    names: Sequence[str]
    transport: str
    severity: Severity
    size: int
    steps: Sequence[StepOutline]
    checks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Targets:
    """Every one of these resources on every one of these hosts. labels: addresses without their host."""

    labels: Sequence[str]
    hosts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Steps that do the same for the same reason. None of them is ever left out.

    reason: does not name the step's own host where there are several.
    """

    role: Role
    severity: Severity
    reason: str
    targets: Sequence[Targets]
    size: int


@dataclass(frozen=True, slots=True)
class RolloutOutline:
    """A group whose hosts are worked on in rounds; none begins after a round in which more than `most` percent fail."""

    group: str
    rounds: Sequence[Sequence[str]]
    most: int


@dataclass(frozen=True, slots=True)
class Outline:
    """A plan as its reader sees it: the most severe first.

    digest: of the plan's file, where it is known. severities: how many steps of each, the most severe first, and roles:
    the same in the order of Role; the deletion that belongs to a replacement counts with it. severe: what destroys,
    then what disrupts. hosts: those with the most severe steps first, then by name. blocked, left_out: address → why.
    providers: provider → what it is started with, as text.
    """

    project: str
    environment: str
    digest: str | None
    is_applicable: bool
    size: int
    unchanged: int
    severities: Mapping[Severity, int]
    roles: Mapping[Role, int]
    severe: Sequence[Occurrences]
    hosts: Sequence[HostOutline]
    rollouts: Sequence[RolloutOutline] = ()
    blocked: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """True where there is nothing to do."""
        return not self.size


def role(step: Step) -> Role:
    """What `step` comes to."""
    match step.action, step.severity:
        case "update", "destroy":
            return "delete"
        case "create", "destroy":
            return "replace"
        case "no-op", _:
            return "check" if step.is_conditional else "no-op"
        case _:
            return step.action
