"""What happens during a run, as values: the log, the terminal and `--json` are listeners of the same events."""

from aivp.events.clock import Stopwatch
from aivp.events.event import (
    LEVELS,
    ContentSent,
    Event,
    Listener,
    ProviderLogged,
    ProviderProgressed,
    RunEnded,
    RunStarted,
    StepEnded,
    StepsLasting,
    StepsStarted,
)
from aivp.events.places import Places, read_places

__all__ = [
    "LEVELS",
    "ContentSent",
    "Event",
    "Listener",
    "Places",
    "ProviderLogged",
    "ProviderProgressed",
    "RunEnded",
    "RunStarted",
    "StepEnded",
    "StepsLasting",
    "StepsStarted",
    "Stopwatch",
    "read_places",
]
