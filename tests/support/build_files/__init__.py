"""Build files that nobody would write: those of the repository, changed at random, node by node."""
