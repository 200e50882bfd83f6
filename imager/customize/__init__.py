"""Changing a system: users, services, network, mounts, directories, links."""
