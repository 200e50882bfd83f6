"""Kernels, their modules, firmware and microcode."""
