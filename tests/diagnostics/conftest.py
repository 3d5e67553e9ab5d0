"""A PostgreSQL server for the situations that need one: that of the tests of state."""

from tests.state.conftest import server

__all__ = ["server"]
