"""From a tree of nodes to a spec: includes, profiles, arguments, types."""
