"""From a compiled program and evidence to a plan: bind fills in, decide compares, order lays out, seal closes.

Everything here is a pure function of its arguments.
"""
