"""From the stages of a system to the segments of an initramfs."""
