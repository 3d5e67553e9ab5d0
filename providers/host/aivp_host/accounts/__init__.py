"""The parts of the kinds `user` and `group`; each module knows one thing."""
