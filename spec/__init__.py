"""The language: what claylinux.yaml can say.

Each class is a mapping of the file; each field made with `key` is one of its keys. Decoder, JSON Schema
and reference page all read this one description. A new key is a line here and its use in the plan.

Class variables tell the forms of a value, and what else people try:
    SHORT       the key that a single value stands for, where the mapping can be left out
    CHOSEN_BY   of classes that stand for each other: the key that picks this one. Where it is no field,
                its value is `true`
    HINTS       what to write instead of keys that people know from elsewhere and that are not here
"""
