"""The BuildKit frontend: reads claylinux.yaml, and returns graphs and results."""

__version__ = "0.1.0"
"""The version of Claylinux. Everything else reads it here: the package, the labels of images, `claylinux --version`."""
