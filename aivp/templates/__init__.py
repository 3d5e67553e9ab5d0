"""Jinja2 templates, looked at and rendered by one bounded child process; nothing here imports jinja2 in this one."""

from aivp.templates.render import Job, Limits, Problem, render

__all__ = ["Job", "Limits", "Problem", "render"]
