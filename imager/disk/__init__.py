"""Bootable media: GPT disks, ISOs, and virtual machine disks."""
