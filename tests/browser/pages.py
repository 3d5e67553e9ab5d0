"""The pages that are looked at: plans and graphs of several sizes, and one in which every value attacks the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from aivp.events.timeline import Bar, Lane, Leg, Session, Timeline, Wait
from aivp.model.resource import IR
from aivp.plan.steps import Action, Plan, Severity, Step, StepChange
from aivp.views.graph_fold import folded
from aivp.views.graph_html import graph_html
from aivp.views.graph_picture import picture_of
from aivp.views.html_plan import plan_html
from aivp.views.html_timeline import timeline_html
from tests.views import fleets, graphs

DIGEST = "sha256:" + "0123456789abcdef" * 4
ATTACKS = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=document.title='owned'>",
    "]]></style><style>*{display:none!important}</style>",
    "</title></textarea></pre></summary><h1>owned</h1>",
    "javascript:document.title='owned'",
    "\u202eevil\u2066\u200b\x00\x1b[2J\x07\ud800\ufeff",
    "&lt;b&gt;&amp;#x3c;script>",
    "{{7*7}}${7*7}<!--",
)


def plan(size: int) -> Plan:
    """Of 3, 60, 2,000 or 10,000 steps."""
    return fleets.fleet(*{3: (1, 3), 60: (3, 20), 2000: (100, 20), 10_000: (500, 20)}[size])


def hostile() -> Plan:
    """Everything that a plan's file may hold as text, and lines of a megabyte."""
    steps = []
    for number, text in enumerate((*ATTACKS, "x" * 1_000_000)):
        changes = [
            StepChange("replace", "/content", f"{text}\n{text}\n", f"{text} \n{text}{text}\n", "drift"),
            StepChange("replace", f"/{text}", text, f"{text}!", "intent"),
            StepChange("add", "/list", None, [text, {text: text}], "intent"),
        ]
        address = f"file.{text}@{text}"
        step = Step(
            f"{number}{text}", address, text, text, "update", text, "destroy", {}, {}, changes, bounds=[text],
            is_conditional=True, waits_for=[text], notifies=[text], previous=text,
        )  # fmt: skip
        steps.append(step)
    names = {text: text for text in ATTACKS}
    return Plan(
        ATTACKS[0], ATTACKS[1], {}, {}, steps, 5, names, names, {}, {ATTACKS[0]: names}, {}, is_applicable=False,
        notes=list(ATTACKS),
    )  # fmt: skip


@cache
def page(name: str) -> str:
    """The HTML of `plan 60`, `graph 500`, `hostile`, `nothing`."""
    what, _, size = name.rpartition(" ") if name[-1].isdigit() else (name, "", "")
    match what:
        case "plan":
            return plan_html(plan(int(size)), DIGEST)
        case "graph":
            ir, changes = graph(int(size))
            picture = picture_of(ir, changes)
            return graph_html(folded(picture), picture)
        case "timeline":
            return timeline_html(timeline(int(size)))
        case "hostile timeline":
            return timeline_html(timeline(3, ATTACKS))
        case "hostile":
            return plan_html(hostile(), ATTACKS[0])
        case _:
            return plan_html(Plan("shop", "prod", {}, {}, [], 12))


def timeline(hosts: int, names: Sequence[str] = ()) -> Timeline:
    """A run of four steps on each host, each host beginning when the one before it has begun its third."""
    lanes: list[Lane] = []
    for number in range(hosts):
        host = names[number % len(names)] if names else f"web{number + 1:02}"
        begin = 1 + number * 2.5
        bars = [
            Bar(
                f"update:file.{n}@{host}", f"file.conf_{n}@{host}", "update", "done", at, at + 1.2, (at + 0.1, at + 1.1)
            )
            for n, at in enumerate((begin, begin + 1.25, begin + 2.5, begin + 4))
        ]
        waits = [Wait(0.4, begin, lanes[-1].bars[2].step)] if lanes else []
        lanes.append(Lane(host, [(0.1, 0.4), (begin, begin + 5.2)], bars, waits))
    end = 1 + (hosts - 1) * 2.5 + 6
    path = [(bar, lane.host) for lane in lanes for bar in lane.bars[:2]]
    legs = [Leg(0, 1), *(Leg(b.began, b.began + 1.25, host, b.step) for b, host in path), Leg(end - 2.25, end)]
    session = Session("2026-11-21T20:00:00+00:00", False, False, end, "done", lanes, legs)
    rough = replace(session, is_resumed=True, is_rough=True, status="")
    return Timeline(names[0] if names else "r7k2", [session, rough])


def graph(size: int) -> tuple[IR, Plan]:
    """Of 11, 60 or 503 resources, and a plan for them."""
    hosts, apps = GRAPHS[size]
    ir = graphs.fleet(hosts, apps)
    changes: dict[str, tuple[Action, Severity]] = {
        f"file.motd@web{number:02}": ("update", "change") for number in range(1, hosts + 1, 2)
    }
    changes |= {"service.nginx@web01": ("refresh", "disrupt"), "package.telnet@db": ("delete", "destroy")}
    return ir, graphs.plan_for(ir, changes)


GRAPHS: Mapping[int, tuple[int, int]] = {11: (1, 0), 60: (3, 6), 503: (25, 6)}
"""Resources → hosts and apps of tests.views.graphs."""
