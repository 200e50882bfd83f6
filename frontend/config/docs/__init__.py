"""The language as JSON Schema and as a reference page. No build imports it."""
