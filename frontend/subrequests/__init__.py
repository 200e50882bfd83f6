"""Questions that need no build: `--call=outline`, `targets` and `check`."""
