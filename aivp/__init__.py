"""Keep machines and the AI agents that live in them as declared: YAML or CUE → graph → plan → apply."""

__version__ = "0.1.0"
