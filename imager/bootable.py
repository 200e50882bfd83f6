"""What a system must have to boot, and how a message names what it lacks. The remedy depends on how it was made."""

from __future__ import annotations

NO_KERNEL = "this system has no Linux kernel in /boot/vmlinu* or /usr/lib/modules/*/vmlinuz"
NO_INIT = "this system has no init (expected /sbin/init)"
