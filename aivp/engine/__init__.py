"""The order of the stages, and nothing else: load → compile → observe → bind and plan → apply."""

from aivp.engine.engine import Engine

__all__ = ["Engine"]
