"""A Docker Engine from Debian packages, separate from the host's own software."""
