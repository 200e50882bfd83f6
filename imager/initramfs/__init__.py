"""Turning the stages of a system into the segments of an initramfs."""
