"""The nouns that every stage speaks: addresses, expressions, resources and their graph. No I/O, no policy."""
