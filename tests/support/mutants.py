"""Small changes of Python code that its tests should notice: another operator, number, word or result, a lost call.

Left alone are comments and docstrings, type annotations (the calls in them are rules of the language, and are changed),
strings with a space, which are text for people, what makes a class a dataclass, and code that only type checkers or
`python -m` run, such as protocols.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_SYMMETRIC = ("min", "max")
_T = TypeVar("_T")
_REMOVABLE = (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete, ast.Assert)


@dataclass(frozen=True)
class Mutant:
    """One change of one file. `lines` are those that run it; `text` is the whole file."""

    kind: str
    line: int
    lines: range
    before: str
    after: str
    text: str


@dataclass(frozen=True)
class Change:
    """A place in a syntax tree, and what may be there instead."""

    kind: str
    lines: range
    """Those of the statement, or all of the file, if it runs where the module is imported."""
    statement: ast.stmt
    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST

    def apply(self, module: ast.Module) -> Mutant:
        """Return the module with the change, as text; the tree stays as it is."""
        before = ast.unparse(self.statement)
        old = self._put(self.node)
        changed = self.node if isinstance(self.node, ast.stmt) else self.statement
        text, after = ast.unparse(module), ast.unparse(changed)
        self._put(old)
        return Mutant(self.kind, self.statement.lineno, self.lines, *_differing(before, after), text + "\n")

    def _put(self, node: ast.AST) -> ast.AST:
        old: ast.AST = getattr(self.parent, self.field)
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            items: list[ast.AST] = getattr(self.parent, self.field)
            old, items[self.index] = items[self.index], node
        return old


def changes(module: ast.Module) -> list[Change]:
    """Return all changes of a module, in the order of its tree."""
    return list(_below(module, None))


def _below(
    parent: ast.AST, statement: ast.stmt | None, *, annotation: bool = False, called: bool = False
) -> Iterator[Change]:
    """Yield the changes below a node of a statement. `called`: functions run it, not the import of the module."""
    for field, value in ast.iter_fields(parent):
        called = called or (field == "body" and isinstance(parent, ast.FunctionDef | ast.Lambda))
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _is_left_alone(node):
                continue
            within = node if isinstance(node, ast.stmt) else statement
            told = (annotation and not isinstance(node, ast.Call)) or field in ("annotation", "returns")
            if within is not None and not told:
                lines = _lines(within) if called else range(1 << 20)
                place = index if isinstance(value, list) else None
                for kind, other in (*_instead(node), *_negated(node, field)):
                    yield Change(kind, lines, within, parent, field, place, ast.copy_location(other, node))
            yield from _below(node, within, annotation=told, called=called)


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Expr(ast.Constant()) | ast.Call(ast.Name("dataclass" | "TypeVar")):
            return True
        case ast.If(test):
            return ast.unparse(test) in ("TYPE_CHECKING", "__name__ == '__main__'")
        case ast.ClassDef(bases=[ast.Name("Protocol")]):
            return True
        case _:
            return False


def _lines(statement: ast.stmt) -> range:
    """Return the lines of a statement without those of the statements in it."""
    first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", ()))])
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if body is None:
        return range(first, (statement.end_lineno or first) + 1)
    start = body[0].lineno if isinstance(body[0], ast.stmt) else body[0].pattern.lineno
    return range(first, max(start, statement.lineno + 1))


def _negated(node: ast.AST, field: str) -> Iterator[tuple[str, ast.AST]]:
    is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)  # which `_instead` removes
    if isinstance(node, ast.expr) and field in ("test", "ifs", "guard") and not is_not:
        yield "condition", ast.UnaryOp(ast.Not(), node)


def _instead(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Constant(value):
            yield from (("constant", ast.Constant(other)) for other in _constants(value))
        case ast.Call() if ast.unparse(node.func) not in _SYMMETRIC:
            yield from _calls(node)
        case ast.Return(ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield "return", ast.Return(ast.Constant(None))
        case ast.Expr() | ast.Assign([ast.Attribute() | ast.Subscript()]):
            yield "removed", ast.Pass()
        case ast.stmt() if isinstance(node, _REMOVABLE):
            yield "removed", ast.Pass()
        case ast.expr():
            yield from _operators(node)
        case _:
            pass


def _operators(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(left, operators, others):
            for index, operator in enumerate(operators):
                for other in _COMPARISONS[type(operator)]:
                    yield "comparison", ast.Compare(left, _with(operators, index, other()), others)
        case ast.BoolOp(operation, values):
            yield "boolean", ast.BoolOp(ast.Or() if isinstance(operation, ast.And) else ast.And(), values)
            yield from (("boolean", ast.BoolOp(operation, _with(values, index))) for index in range(len(values)))
        case ast.UnaryOp(ast.Not(), operand):
            yield "boolean", operand
        case ast.BinOp(left, arithmetic, right) if type(arithmetic) in _ARITHMETIC:
            yield "arithmetic", ast.BinOp(left, _ARITHMETIC[type(arithmetic)](), right)
        case _:
            pass


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    """Yield the call with two different arguments swapped, and without one of its keywords."""
    given = node.args
    for index in range(1, len(given)):
        one, other = given[index - 1 : index + 1]
        if ast.dump(one) != ast.dump(other) and not any(isinstance(each, ast.Starred) for each in (one, other)):
            swapped = [*given[: index - 1], given[index], given[index - 1], *given[index + 1 :]]
            yield "swapped", ast.Call(node.func, swapped, node.keywords)
    for index in range(len(node.keywords)):
        yield "keyword", ast.Call(node.func, given, _with(node.keywords, index))


def _with(items: list[_T], index: int, *others: _T) -> list[_T]:
    return [*items[:index], *others, *items[index + 1 :]]


def _constants(value: object) -> tuple[float | str | bytes, ...]:
    match value:
        case bool():
            return (not value,)
        case int():
            return (value + 1, value - 1)
        case float():
            return (value * 2, value / 2)
        case str() if " " not in value:
            return (value + "X",) if value else ("X",)
        case bytes():
            return (value + b"X",)
        case _:
            return ()


def _differing(before: str, after: str) -> tuple[str, str]:
    """Return the first lines that differ."""
    pairs = zip_longest(before.split("\n"), after.split("\n"), fillvalue="")
    return next(((one.strip(), other.strip()) for one, other in pairs if one != other), (before, after))
