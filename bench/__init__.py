"""Speed as a ratio, measured in one run against a peer or a floor. `make bench`; results go to docs/benchmarks.md."""
