"""The `cue` command beside this file. aivp finds it without importing anything: aivp/config/cue.py."""
