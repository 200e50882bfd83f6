"""The BuildKit frontend: claylinux.yaml in, graphs and results out."""
