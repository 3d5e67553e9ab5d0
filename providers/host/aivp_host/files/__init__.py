"""The parts of the kind `file`; each module knows one thing. `aivp_host.file` puts them together."""
