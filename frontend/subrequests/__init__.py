"""Questions that are no builds: `--call=outline`, `targets`, `check` and the schema."""
