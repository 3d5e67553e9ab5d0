"""The documents: every command in them is run, what is generated is fresh, every link leads somewhere."""
