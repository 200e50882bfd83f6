"""Text -> tree of nodes, within limits of time and memory, from the event stream of the YAML parser.

PyYAML's composer is not used. So nesting, aliases and keys are checked before they can cost anything, and every scalar
keeps the text that was written. YAML 1.1 guesses (`no` is false, 1.10 is 1.1, 0644 is 420); here only the key decides
what a scalar means.
"""

from __future__ import annotations

from typing import Any

import yaml

from spec.positions import START, Position, Range
from spec.values.wording import code

from .diagnostics import LIMIT, Collector
from .nodes import Mapping, Node, Pair, Scalar, Sequence
from .yaml_errors import explain

DEPTH_LIMIT = 64
NODE_LIMIT = 100_000
"""Nodes, with aliases expanded."""
TEXT_LIMIT = 8 << 20
"""Characters of all scalars, with aliases expanded."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAGS = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_TEXT_TAGS = ("!", _TAGS[0])
_SCALAR = yaml.ScalarEvent
_START = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_END = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class _StopError(Exception):
    """Reading cannot continue; the collector has the reason."""


def parse(text: str, problems: Collector) -> Node | None:
    """Return the tree of `text`, or None if it cannot be read. Problems go to `problems`."""
    builder = _Builder(text, problems)
    parser = _LOADER(text)
    try:
        while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
            builder.take(event)
    except yaml.YAMLError as error:
        problems.add(*explain(error, text))
        return None
    except _StopError:
        return None
    finally:
        parser.dispose()
    return builder.root or Scalar("", True, START)


class _Open:
    """A list or mapping that is not closed yet. `count` and `size` are the nodes and characters before it."""

    __slots__ = ("anchor", "children", "count", "is_mapping", "size", "start")

    def __init__(self, anchor: str | None, start: Position, is_mapping: bool, count: int, size: int) -> None:
        self.anchor = anchor
        self.start = start
        self.is_mapping = is_mapping
        self.count = count
        self.size = size
        self.children: list[Node] = []


class _Builder:
    """Takes events one by one. In the end, `root` is the tree."""

    def __init__(self, text: str, problems: Collector) -> None:
        self.root: Node | None = None
        self._text = text
        self._problems = problems
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._count = 0
        self._size = 0
        self._documents = 0
        self._last_end = Position(1, 1)

    def take(self, event: yaml.Event) -> None:
        """Add the next event."""
        if isinstance(event, _SCALAR):
            self._scalar(event)
        elif isinstance(event, _START):
            self._start(event)
        elif isinstance(event, _END):
            self._end(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop(event, "a build file is one YAML document: remove this `---` and everything after it")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._grow(event, 1, len(event.value))
        start, end = _position(event.start_mark), _position(event.end_mark)
        if event.style in ("|", ">"):
            end = self._block_end(event, start)
        plain = not event.style and event.tag not in _TEXT_TAGS
        dollars = self._dollars(event) if "${" in event.value else ()
        node = Scalar(event.value, plain, Range(start, end), dollars)
        if event.tag is not None:
            self._check_tag(event, node.range)
        self._last_end = end
        self._add(node, event.anchor, 1, len(event.value))

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self._open) >= DEPTH_LIMIT:
            self._stop(event, f"values can be nested at most {DEPTH_LIMIT} levels deep: make this flatter")
        count, size = self._count, self._size
        self._grow(event, 1, 0)
        start = _position(event.start_mark)
        if event.tag is not None:
            self._check_tag(event, Range(start, start))
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open(event.anchor, start, is_mapping, count, size))

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        # The parser ends a block where the next token begins, often lines later. Only a bracket is a true end.
        if event.start_mark.index != event.end_mark.index:
            self._last_end = _position(event.end_mark)
        place = Range(done.start, max(self._last_end, done.start))
        node = self._mapping(done.children, place) if done.is_mapping else Sequence(tuple(done.children), place)
        self._add(node, done.anchor, self._count - done.count, self._size - done.size)

    def _alias(self, event: Any) -> None:
        found = self._anchors.get(event.anchor)
        if found is None:
            inside = any(each.anchor == event.anchor for each in self._open)
            reason = (
                "is part of its own value" if inside else f"has no anchor: no value before it has `&{event.anchor}`"
            )
            self._stop(event, f"the alias `*{event.anchor}` {reason}")
        else:
            node, count, size = found
            self._grow(event, count, size)
            self._last_end = _position(event.end_mark)
            self._add(node, None, count, size)

    def _add(self, node: Node, anchor: str | None, count: int, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, count, size)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node

    def _mapping(self, children: list[Node], place: Range) -> Mapping:
        """Pair keys with values, apply merge keys, and report keys that are not text or appear twice."""
        own: dict[str, Pair] = {}
        merged: dict[str, Pair] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, Scalar):
                self._problems.add(
                    key.range,
                    "a key must be text (for example `name`): put quotes around a value that starts with `{` or `[`",
                )
            elif key.text in own:
                line = own[key.text].key.range.start.line
                message = f"duplicate key {code(key.text)} (first on line {line}): remove one of them"
                self._problems.add(key.range, message)
            else:
                own[key.text] = Pair(key, value)
        if "<<" in own and own["<<"].key.plain:
            merged = self._merge(own.pop("<<"))
        rest = (pair for name, pair in merged.items() if name not in own)
        return Mapping((*own.values(), *rest), place)

    def _merge(self, merge: Pair) -> dict[str, Pair]:
        merged: dict[str, Pair] = {}
        for source in merge.value.items if isinstance(merge.value, Sequence) else (merge.value,):
            if not isinstance(source, Mapping):
                message = "`<<` must be an alias of a mapping, or a list of them (for example `<<: *name`)"
                self._problems.add(merge.key.range, message)
                continue
            for pair in source.pairs:
                merged.setdefault(pair.key.text, pair)
        return merged

    def _check_tag(self, event: Any, place: Range) -> None:
        if event.tag not in (*_TAGS, "!"):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._problems.add(place, f"YAML tags are not supported: remove {code(tag)}")

    def _grow(self, event: yaml.Event, count: int, size: int) -> None:
        self._count += count
        self._size += size
        if self._count > NODE_LIMIT:
            self._stop(
                event,
                f"a build file can have at most {NODE_LIMIT:,} values; each use of an alias counts",
            )
        if self._size > TEXT_LIMIT:
            self._stop(event, f"a build file can have at most {TEXT_LIMIT:,} characters; each use of an alias counts")

    def _block_end(self, event: Any, start: Position) -> Position:
        """Return the end of the last line of a block scalar. The parser's own mark is on a later line."""
        begin, index = event.start_mark.index, event.end_mark.index
        index = begin + len(self._text[begin:index].rstrip())
        line = start.line + self._text.count("\n", begin, index)
        return Position(line, index - self._text.rfind("\n", 0, index))

    def _dollars(self, event: Any) -> tuple[Position, ...]:
        """Return the place of each `${` of a scalar, unless escapes hide some or there are very many."""
        at, end = event.start_mark.index, event.end_mark.index
        if event.style in ("|", ">"):
            at = self._text.index("\n", at)  # A comment may follow the indicator.
        if not event.value.count("${") == self._text.count("${", at, end) <= LIMIT:
            return ()
        found = []
        line, last = event.start_mark.line + 1, event.start_mark.index
        while (at := self._text.find("${", at, end)) >= 0:
            line += self._text.count("\n", last, at)
            found.append(Position(line, at - self._text.rfind("\n", 0, at)))
            last, at = at, at + 2
        return tuple(found)

    def _stop(self, event: yaml.Event, message: str) -> None:
        self._problems.add(Range(_position(event.start_mark), _position(event.end_mark)), message)
        raise _StopError


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)
