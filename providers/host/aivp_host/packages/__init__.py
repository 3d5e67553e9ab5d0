"""The parts of `package` and `package_index`: declarations → observations and one transaction of the host's manager."""
