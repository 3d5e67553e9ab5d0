"""Values → people's files, in the words that they would have written. The sole place that writes YAML."""
