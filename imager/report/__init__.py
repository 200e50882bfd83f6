"""Reports about a system: its facts, and its sizes."""
