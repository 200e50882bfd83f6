"""The BuildKit frontend: claylinux.yaml in, graphs and results out."""

__version__ = "0.1.0"
"""The version of Claylinux. Everything else reads it here: the package, the labels of images, `claylinux --version`."""
