"""Aivp's guest helper: readiness, commands, files and clean shutdown over a channel of the virtual machine."""
