"""Media that boot: GPT disks, ISOs, and the disks of virtual machines."""
