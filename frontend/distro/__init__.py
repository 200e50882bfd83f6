"""Distributions: a family of package managers is code, a release is data."""
