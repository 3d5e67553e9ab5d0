"""Faults on purpose: kills, full disks, liars. After each, one resume must lead where an unfaulted run does."""
