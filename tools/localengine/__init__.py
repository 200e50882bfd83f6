"""A Docker Engine from Debian's packages, beside the host's own software and without touching it."""
