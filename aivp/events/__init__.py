"""What happens during a run, as values: the log, the terminal and `--json` are listeners of the same events."""

from aivp.events.event import (
    LEVELS,
    Event,
    Listener,
    ProviderLogged,
    ProviderProgressed,
    RunEnded,
    RunStarted,
    StepEnded,
    StepsStarted,
)
from aivp.events.places import Places, read_places

__all__ = [
    "LEVELS",
    "Event",
    "Listener",
    "Places",
    "ProviderLogged",
    "ProviderProgressed",
    "RunEnded",
    "RunStarted",
    "StepEnded",
    "StepsStarted",
    "read_places",
]
