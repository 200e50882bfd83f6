"""The reference page of the language, in Markdown: made from the same shapes that the decoder walks.

Not imported by a build.
"""

from __future__ import annotations

from frontend.config.decode.shapes import (
    ChoiceShape,
    FieldShape,
    ListShape,
    MapShape,
    ObjectShape,
    ScalarShape,
    Shape,
    object_shape,
)
from spec.document import Spec
from spec.values.kinds import Switch

_START = """\
# claylinux.yaml

<!-- Made by tools/gen-docs from spec/: change that. -->

Only `base` is needed. What is not in this page is an error: the message says where and what to do.

- **Texts** are what you wrote: `1.10`, `yes`, `0644` need no quotes, and nothing is guessed from them.
  Permission bits can be written `0644`, `"0644"` or `0o644`. Only `true` and `false` are truth values.
- **`x-` keys** are yours, wherever keys are not names of your choice: a place for anchors and notes.
- **Anchors** (`&name`, `*name`) and **merge keys** (`<<: *name`) work. Keys of the mapping itself win over merged ones.
- A key whose items are all commented out is an empty list or mapping.
- Limits: 1 MiB, 64 levels, 100,000 values with aliases counted in full, one document.
- The order is fixed, whatever the order of the keys: base, packages, users, files, run, services, names.
"""


def reference_page() -> str:
    """Return the page."""
    sections = [_section("The file", object_shape(Spec), "")]
    for field in object_shape(Spec).fields.values():
        sections += _sections(field.name, field.shape)
    return "\n".join([_START, *sections])


def _sections(name: str, shape: Shape) -> list[str]:
    """Return the sections about the key `name` and all keys in it. `name` has its parents, with dots."""
    sections = []
    for each in _objects(shape):
        sections.append(_section(f"`{name}`: {_title(each)}", each, _forms(each)))
        for field in each.fields.values():
            sections += _sections(f"{name}.{field.name}", field.shape)
    return sections


def _objects(shape: Shape) -> list[ObjectShape]:
    """Return the classes that a value of `shape` can be made of."""
    match shape:
        case ObjectShape():
            return [shape]
        case ChoiceShape(variants):
            return list(variants.values())
        case ListShape(item=inner) | MapShape(value=inner):
            return _objects(inner)
        case ScalarShape():
            return []


def _title(shape: ObjectShape) -> str:
    text = (shape.model.__doc__ or "").partition(".")[0]
    return f"{text[0].lower()}{text[1:]}"


def _forms(shape: ObjectShape) -> str:
    if shape.marker:
        return f"Written with `{shape.marker}: true`.\n\n"
    if shape.short:
        return f"A single value stands for `{shape.short}`.\n\n"
    return ""


def _section(title: str, shape: ObjectShape, forms: str) -> str:
    rows = "".join(_row(field) for field in shape.fields.values())
    return f"## {title}\n\n{forms}| key | value | meaning | example |\n|---|---|---|---|\n{rows}"


def _row(field: FieldShape) -> str:
    needed = " **Needed.**" if field.required else ""
    cells = (f"`{field.name}`", _type(field.shape), field.key.doc + needed, f"`{field.name}: {field.key.example}`")
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n"


def _type(shape: Shape) -> str:
    match shape:
        case ScalarShape(kind):
            return "`true` or `false`" if isinstance(kind, Switch) else kind.expected
        case ListShape(item, single):
            return f"list of: {_type(item)}" + (", or one of them" if single else "")
        case MapShape(key, value, list_value):
            listed = "" if list_value is None else f"list of: {key.expected}; or "
            return f"{listed}mapping from {key.expected} to {_type(value)}"
        case ObjectShape() | ChoiceShape():
            return "the forms below"
