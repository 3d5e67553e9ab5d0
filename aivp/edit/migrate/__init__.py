"""Documents of an older language → the same in the one that this aivp reads, word by word, with every comment kept."""
