"""From a reviewed plan to the real world: check, run, record. It never decides what is to be done."""
