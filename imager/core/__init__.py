"""Shared by all rooms: errors, times, output files, external tools, processors."""
