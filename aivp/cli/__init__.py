"""The command line: arguments, wiring and exit codes. Every command's work is the engine's."""
