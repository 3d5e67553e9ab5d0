"""The parts of `service`: its declaration, systemd's units and unit files as values, and the steps between them."""
