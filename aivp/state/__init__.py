"""What an environment of a project knows of the real world: objects, runs and recorded plans."""

from aivp.state.open import open_existing, open_state
from aivp.state.records import RunRecord, StepRecord
from aivp.state.store import State

__all__ = ["RunRecord", "State", "StepRecord", "open_existing", "open_state"]
