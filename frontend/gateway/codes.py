"""How gRPC says what became of a call (statuscodes.md of gRPC): those that we give or look for."""

OK = 0
CANCELLED = 1
UNKNOWN = 2
"""The status code whose message BuildKit's client shows unchanged, without the name of the code."""
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
RESOURCE_EXHAUSTED = 8
INTERNAL = 13
UNAVAILABLE = 14
ALL = range(17)
