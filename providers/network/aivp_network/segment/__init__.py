"""What both the provider and `port.py` know of one network: its folder, leases, taps, rules and wires.

These modules are copied beside `port.py`, which works without the provider: they import the standard library and each
other, nothing else.
"""
