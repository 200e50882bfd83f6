"""The language as JSON Schema and as a reference page. Builds do not import it."""
