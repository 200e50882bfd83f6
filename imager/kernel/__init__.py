"""Kernels with their modules, firmware and microcode."""
