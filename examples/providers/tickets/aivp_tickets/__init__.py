"""Projects and tickets behind an HTTP API: an example of kinds that are served on the controller."""
