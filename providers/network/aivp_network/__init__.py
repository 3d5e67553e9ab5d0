"""Aivp's networks of virtual machines: user mode, bridges with NAT, isolated ones."""
