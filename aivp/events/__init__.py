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

__all__ = [
    "LEVELS",
    "Event",
    "Listener",
    "ProviderLogged",
    "ProviderProgressed",
    "RunEnded",
    "RunStarted",
    "StepEnded",
    "StepsStarted",
]
