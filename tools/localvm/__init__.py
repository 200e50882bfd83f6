"""Virtual machines for testing images: QEMU with UEFI firmware and the console on stdio."""
