"""Another text of a module, put into the objects of the module that is already there.

Other modules have its functions, classes and values under names of their own, so these objects get other code, defaults
and attributes, and every name for a value gets the other value. What was computed of a value before stays as it was.
"""

from __future__ import annotations

import gc
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

_PLACE = re.compile(" at 0x[0-9a-f]+")
_OWN = ("__dict__", "__weakref__", "__doc__", "__module__")


def name_of(code: CodeType, root: str) -> str:
    """Return the file, and the name of the outermost function that has this code."""
    return f"{code.co_filename.removeprefix(root)}:{code.co_qualname.partition('.<locals>')[0]}"


@dataclass
class Replaced:
    """What is to be done, and the functions that then do something else, as far as that is known."""

    work: list[Callable[[], object]] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)


class Replacing:
    """The functions of a product that were imported from below `root`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._functions: defaultdict[str, list[FunctionType]] = defaultdict(list)
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(root):
                self._functions[name_of(each.__code__, root)].append(each)

    def of(self, path: str, function: str | None, text: str) -> Replaced:
        """Return the change that makes a module what `text` says, in one function or outside of all."""
        if function is not None:
            return self._code(f"{path}:{function}", text)
        old = sys.modules[path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")]
        replaced = Replaced()
        for name, value in vars(_executed(old, text)).items():
            if not name.startswith("__") and name in vars(old):
                self._compare(old, name, vars(old)[name], value, replaced)
        return replaced

    def _code(self, name: str, text: str) -> Replaced:
        path, _, own = name.partition(":")
        whole = compile(text, f"{self._root}{path}", "exec", dont_inherit=True)
        codes = [each for each in _codes(whole) if each.co_qualname == own]
        if len(codes) != 1:  # such as a property and its setter
            return Replaced()
        live = [each for each in self._functions.get(name, ()) if each.__code__.co_qualname == own]
        return Replaced([partial(setattr, each, "__code__", codes[0]) for each in live], {name})

    def _compare(self, owner: Any, name: str, old: Any, new: Any, replaced: Replaced) -> None:
        old, new = _plain(old), _plain(new)
        if isinstance(old, FunctionType) and isinstance(new, FunctionType):
            self._defaults(owner, old, new, replaced)
        elif isinstance(old, type) and isinstance(new, type):
            if old.__module__ == new.__module__:
                for each in vars(new).keys() & vars(old).keys() - set(_OWN):
                    self._compare(old, each, vars(old)[each], vars(new)[each], replaced)
        elif _shown(old) != _shown(new):
            if isinstance(owner, type):
                replaced.work.append(partial(setattr, owner, name, new))
                replaced.functions |= self._in_module(owner.__module__)
            else:
                self._value(name, old, new, replaced)

    def _defaults(self, owner: Any, old: FunctionType, new: FunctionType, replaced: Replaced) -> None:
        for each in ("__defaults__", "__kwdefaults__"):
            if _shown(getattr(old, each)) != _shown(getattr(new, each)):
                replaced.work.append(partial(setattr, old, each, getattr(new, each)))
                # Generated functions are in no file.
                generated = not old.__code__.co_filename.startswith(self._root)
                own = {name_of(old.__code__, self._root)}
                replaced.functions |= self._in_module(owner.__module__) if generated else own

    def _value(self, name: str, old: Any, new: Any, replaced: Replaced) -> None:
        if isinstance(old, dict) and isinstance(new, dict):
            replaced.work += [old.clear, partial(old.update, new)]
        # Others may have a small object by chance.
        small = old is None or isinstance(old, bool | int | str | bytes) or old == ()
        for module in [*sys.modules.values()]:
            for each, value in [*getattr(module, "__dict__", {}).items()]:
                if value is old and (each == name or not small):
                    replaced.work.append(partial(setattr, module, each, new))
        users = (key for key, live in self._functions.items() if any(_uses(each.__code__, name) for each in live))
        replaced.functions.update(users)

    def _in_module(self, module: str) -> set[str]:
        path = (sys.modules[module].__file__ or "").removeprefix(self._root)
        return {key for key in self._functions if key.startswith(f"{path}:")}


def _executed(old: ModuleType, text: str) -> ModuleType:
    new = ModuleType(old.__name__)
    vars(new).update({name: value for name, value in vars(old).items() if name.startswith("__")})
    sys.modules[old.__name__] = new
    try:
        exec(compile(text, str(old.__file__), "exec", dont_inherit=True), vars(new))
    finally:
        sys.modules[old.__name__] = old
    return new


def _plain(value: Any) -> Any:
    """Return the function in a property, a method of a class, or a cache."""
    for each in ("fget", "__func__", "__wrapped__"):
        if isinstance(found := getattr(value, each, None), FunctionType):
            return found
    return value


def _shown(value: object) -> str:
    return f"{type(value).__name__} {_PLACE.sub('', repr(value))}"


def _codes(code: CodeType) -> Iterable[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def _uses(code: CodeType, name: str) -> bool:
    return name in code.co_names or any(_uses(each, name) for each in code.co_consts if isinstance(each, CodeType))
