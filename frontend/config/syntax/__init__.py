"""From text to a tree of nodes, and how problems at a place are collected."""
