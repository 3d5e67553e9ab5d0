"""What runs beside a VM: its supervisor, and the program that talks to it. Knows nothing of aivp, not even the SDK.

All of it is copied below the VMs' own folder, since a supervisor outlives the provider's code.
"""
