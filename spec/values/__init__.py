"""The grammar of single values: what may be written, how messages describe it, and what it becomes."""
