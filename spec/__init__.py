"""The language of claylinux.yaml.

Each class is a mapping of the file. Each field made with `key` is one of its keys. Decoder, JSON Schema and reference
page all use this description. A new key is a line here and its use in the plan.

Class variables describe the forms of a value:
    SHORT       the key that a single value stands for, if it can replace the mapping
    CHOSEN_BY   among alternative classes, the key that chooses this one. If it is not a field, its value is `true`
    HINTS       what to write instead of keys that people know from other tools
"""
