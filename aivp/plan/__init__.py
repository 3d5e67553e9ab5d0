"""From a compiled program and evidence to a plan: bind fills in, decide compares, order lays out, artifact seals.

Everything here is a pure function of its arguments.
"""
