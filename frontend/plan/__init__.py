"""The pure planner: spec + options + answers of the engine -> LLB states."""
