"""What a command is doing → the lines at the bottom of the terminal: hosts that were asked, steps in hand.

Pictures are told and looked at by different threads; whoever holds one lets them do so in turn. Times are seconds of a
monotonic clock, as they come in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from aivp.events import ContentSent, Event, ProviderProgressed, RunStarted, StepEnded, StepsLasting, StepsStarted
from aivp.views import escape
from aivp.views.measure import amount, clock
from aivp.views.page import cells
from aivp.views.style import Style

MOST_HOSTS = 12
"""Lines of hosts at once."""

NAMED = 3
"""Hosts that are named of those that are waited for."""

BAD = ("failed", "stale", "lost", "blocked")


@dataclass
class Asking:
    """Hosts that are asked side by side."""

    names: Sequence[str] = ()
    answered: set[str] = field(default_factory=set)

    def attend(self, names: Sequence[str]) -> Callable[[str], object]:
        """These are about to be asked; what comes back takes the name of each that has answered."""
        self.names, self.answered = names, set()
        return self.answered.add

    def lines(self, seconds: float, columns: int, most: int) -> list[str]:
        """One line: how many have answered, who is waited for."""
        left = [name for name in self.names if name not in self.answered]
        if not left or most < 1:
            return []
        done = len(self.names) - len(left)
        many = f"{done:,} of {len(self.names):,} hosts answered" if len(self.names) > 1 else "Looking at it"
        shown = ", ".join(escape.line(name, 60) for name in left[:NAMED])
        more = f" and {len(left) - NAMED:,} more" if len(left) > NAMED else ""
        return [_cut(f"  {clock(seconds):>5}  {many}, waiting for {shown}{more}", columns)]


@dataclass
class _Hand:
    """What a host has in hand. since: when its step began; lasting: what it says itself that it is busy with."""

    since: float
    left: dict[str, None]
    lasting: Sequence[str] = ()
    count: int = 0
    said: str = ""


@dataclass
class Running:
    """A run: steps that ended, by status, and the hosts that have steps in hand."""

    style: Style
    asking: Asking = field(default_factory=Asking)
    steps: int = 0
    ended: dict[str, str] = field(default_factory=dict)
    hands: dict[str, _Hand] = field(default_factory=dict)

    def listen(self, event: Event, now: float) -> None:
        """Take in what happened at `now`."""
        match event:
            case RunStarted():
                self.steps = event.steps
            case StepsStarted():
                self.hands[event.host] = _Hand(now, dict.fromkeys(event.steps))
            case StepsLasting() if event.host in self.hands:
                hand = self.hands[event.host]
                hand.lasting, hand.count, hand.since = event.steps, event.count, now - event.seconds
            case StepEnded():
                self._end(event, now)
            case ProviderProgressed() if event.host in self.hands:
                self.hands[event.host].said = f"{event.message}{_share(event)}"
            case ContentSent() if event.host in self.hands:
                self.hands[event.host].said = f"sending {amount(event.done, event.total)}"
            case _:
                pass

    def _end(self, event: StepEnded, now: float) -> None:
        self.ended[event.step] = event.status
        hand = self.hands.get(event.host)
        if hand is None:
            return
        hand.left.pop(event.step, None)
        hand.since, hand.lasting, hand.said = now, (), ""
        if not hand.left:
            del self.hands[event.host]

    def lines(self, seconds: float, now: float, columns: int, most: int) -> list[str]:
        """The hosts whose step lasts longest, as many as there is room for, and a line for all."""
        if most < 1:
            return []
        rows = min(MOST_HOSTS, most - 2)
        longest = sorted(self.hands.items(), key=lambda item: (item[1].since, item[0]))
        shown = longest[: max(rows, 0)]
        found = [self._row(name, hand, now, columns) for name, hand in shown]
        if len(longest) > len(shown) and shown:
            found.append(self.style("faint", _cut(f"  and {len(longest) - len(shown):,} more hosts at work", columns)))
        if not longest and len(self.asking.names) > 1 and most > 1:
            found = [self.style("faint", text) for text in self.asking.lines(seconds, columns, 1)]
        return [*found, self._sum(seconds, columns)]

    def _row(self, name: str, hand: _Hand, now: float, columns: int) -> str:
        steps, count = (hand.lasting, hand.count) if hand.lasting else (list(islice(hand.left, 1)), 1)
        about = steps[0].partition(":")[2] if steps else ""
        about = about.removesuffix(f"@{name}")
        more = f" and {count - 1:,} more" if count > 1 else ""
        host = escape.line(name, 24)
        took = clock(max(now - hand.since, 0))
        said = f"  {escape.line(hand.said, 300)}" if hand.said else ""
        text = f"  {took:>5}  {host}: {escape.line(about, 200)}{more}{said}"
        return self.style("faint", _cut(text, columns))

    def _sum(self, seconds: float, columns: int) -> str:
        bad = sum(status in BAD for status in self.ended.values())
        text = f"  {clock(seconds):>5}  {len(self.ended):,} of {self.steps:,} steps"
        text += f", {bad:,} without success" if bad else ""
        text += f", {len(self.hands):,} hosts at work" if len(self.hands) > 1 else ""
        return self.style("strong", _cut(text, columns))


def _share(event: ProviderProgressed) -> str:
    if event.done is None:
        return ""
    if event.total is None or event.total <= 0:
        return f" ({event.done:g})"
    return f" ({event.done:g} of {event.total:g}, {min(max(100 * event.done / event.total, 0), 100):.0f}%)"


def _cut(text: str, columns: int) -> str:
    """At most one column less than there are: the last one would let some terminals wrap."""
    room = max(columns - 1, 1)
    if cells(text) <= room:
        return text
    end = "..." if room > 10 else ""
    cut = text[: room - len(end)]
    while cells(cut) > room - len(end):
        cut = cut[:-1]
    return cut + end
