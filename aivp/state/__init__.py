"""What an environment of a project knows of the real world: objects, runs and recorded plans."""

from aivp.state.store import RunRecord, State, StepRecord

__all__ = ["RunRecord", "State", "StepRecord"]
