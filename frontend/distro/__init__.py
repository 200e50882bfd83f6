"""Distributions: families of package managers are code, releases are data."""
