"""The idempotency and parity matrix: every host kind × every world it may find × every way to a host × every release.

Real hosts, seen from outside. `python -m tests.matrix --docs` runs it in full and writes docs/reference/matrix.md.
"""
