"""Decisions during a build, which depend on what was built."""
