"""From text to a tree of nodes, and the diagnostics of a file."""
