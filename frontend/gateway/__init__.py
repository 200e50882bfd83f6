"""The LLBBridge protocol that BuildKit speaks with a frontend."""
