"""The size report as a page for browsers: one file without any other."""
