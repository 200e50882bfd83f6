"""The BuildKit frontend: reads claylinux.yaml, and returns graphs and results."""
