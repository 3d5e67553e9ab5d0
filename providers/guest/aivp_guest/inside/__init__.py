"""The guest helper: the modules that become one file (`aivp_guest.files`) and run within a guest."""
