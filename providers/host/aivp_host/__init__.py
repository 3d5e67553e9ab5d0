"""The first-party kinds of an ordinary host: file, package, service, command and their kin."""
