"""What every system has of the keys `timezone` and `locale`."""

from __future__ import annotations

PLAIN_ZONES = ("UTC", "Etc/UTC")
"""Time zones that need no data: a system without /etc/localtime has UTC."""
PLAIN_LOCALES = ("C.UTF-8", "C", "POSIX")
"""Locales that C libraries have built in, or come with."""
