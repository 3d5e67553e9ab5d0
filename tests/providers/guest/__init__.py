"""The guest helper and what leads to it, with real processes; a real guest in test_machine.py."""
