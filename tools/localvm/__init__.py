"""Virtual machines to try images in: QEMU with UEFI firmware, the console on our stdio."""
