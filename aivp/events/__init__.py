"""What happens during a run, as values: the log, the terminal and `--json` are listeners of the same events."""

from aivp.events.event import Event, Listener, RunEnded, RunStarted, StepEnded, StepsStarted

__all__ = ["Event", "Listener", "RunEnded", "RunStarted", "StepEnded", "StepsStarted"]
