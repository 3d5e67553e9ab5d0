"""Speed as ratios measured in one run, against a peer and a floor. `make bench`; docs/benchmarks.md has the method."""
