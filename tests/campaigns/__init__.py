"""Long campaigns against the product: `python -m tests.campaigns.NAME --seconds N`. The tests run a short form of each.

A campaign makes inputs from a seed, so a failure can be repeated, and ends with one line of figures.
"""
