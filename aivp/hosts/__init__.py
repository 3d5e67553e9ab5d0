"""Places where resources are realised: byte channels, the runner's archive, and one session per host and run."""
