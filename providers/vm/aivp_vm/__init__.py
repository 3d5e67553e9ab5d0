"""Aivp's virtual machines: QEMU, supervised, warm starts, guests as hosts."""
