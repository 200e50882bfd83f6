"""The grammar of single values: what may be written, how a message names it, and what it becomes."""
