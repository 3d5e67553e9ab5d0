"""People's YAML → the same YAML, laid out alike everywhere: indentation, blanks and line ends."""
