"""The pure planner: spec + options + what the engine said -> LLB states."""
