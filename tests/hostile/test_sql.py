"""SQL is a constant, and what callers say is a parameter: read off every module's tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tools.house.sql import STATEMENT

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("tier", "services", "deploy", "clients")
RUNNERS = {
    "execute",
    "executemany",
    "fetch",
    "fetchrow",
    "fetchval",
    "cursor",
    "prepare",
}
MAKERS = {"format", "format_map", "join", "replace", "strip", "upper", "lower"}
ELSEWHERE = "*"

# Where a statement is no constant, by (file, function), and why no caller has a say in it.
ALLOWED: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [
            ("tier/runtime/db.py", wrapper)
            for wrapper in ("fetch", "fetchrow", "fetchval", "execute", "execute_many")
        ],
        "Tx passes on what its callers give: they are checked, by the same names",
    ),
    ("tier/runtime/db.py", "_seen_from"): (
        "SET takes no parameters; what is put in is a parsed division code: digits"
    ),
    ("tier/runtime/migrate.py", "_apply"): "the files of schema/, as released",
    ("deploy/embedded/inspection.py", "postgres_facts"): (
        "SHOW takes no parameters; the names stand above it"
    ),
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A statement that is no constant."""

    file: str
    function: str
    line: int
    text: str


@dataclass(slots=True)
class Scope:
    """A function: what its names were given, all of it."""

    name: str
    given: dict[str, list[ast.expr]] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    """Of the module itself."""


def doubts(source: str, file: str) -> list[Doubt]:
    """Return every statement of a module that is not put together from constants."""
    tree = ast.parse(source)
    named = (one for one in tree.body if isinstance(one, ast.FunctionDef))
    module = Scope(ELSEWHERE, _given(tree), functions={one.name for one in named})
    found: list[Doubt] = []
    for function, body in _functions(tree):
        scope = Scope(function, _given(body), _parameters(body))
        for node in _own(body):
            text = _doubtful(node, scope, module)
            if text is not None:
                found.append(Doubt(file, function, node.lineno, ast.unparse(text)))
    return found


def _doubtful(node: ast.AST, scope: Scope, module: Scope) -> ast.expr | None:
    """Return the SQL that a node runs, or makes, if it is no constant."""
    match node:
        case ast.Call(func=ast.Attribute(attr=attr), args=[sql, *_]) if attr in RUNNERS:
            return None if _is_constant(sql, scope, module) else sql
    if isinstance(node, ast.JoinedStr | ast.BinOp | ast.Call) and _is_sql(node):
        return None if _is_constant(node, scope, module) else node
    return None


def _is_sql(node: ast.expr) -> bool:
    """Whether a text that is being put together begins as a statement does."""
    match node:
        case ast.JoinedStr():
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "x"
                for part in node.values
            )
            return STATEMENT.match(text) is not None
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod()):
            return _is_sql(left)
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in MAKERS:
            return _is_sql(value)
        case ast.Constant(value=str() as text):
            return STATEMENT.match(text) is not None
    return False


def _is_constant(  # noqa: C901, PLR0911, PLR0912 - a case each
    node: ast.expr, scope: Scope, module: Scope
) -> bool:
    """Whether an expression has no value but those that stand in the code."""

    def all_(*parts: ast.expr | None) -> bool:
        return all(_is_constant(one, scope, module) for one in parts if one is not None)

    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return _is_constant_name(name, scope, module)
        case ast.Attribute(value=ast.Name(), attr=name):
            return name.isupper()  # a constant of another module, checked there
        case ast.Subscript(value=value):
            return all_(value)  # one of several constants, whichever it is
        case ast.JoinedStr(values=parts):
            return all_(*parts)
        case ast.FormattedValue(value=value):
            return all_(value)
        case ast.BinOp(left=left, right=right):
            return all_(left, right)
        case ast.IfExp(body=body, orelse=other):
            return all_(body, other)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return all_(*parts)
        case ast.Dict(keys=keys, values=values):
            return all_(*keys, *values)
        case ast.Call(
            func=ast.Attribute(value=value, attr=attr), args=args, keywords=named
        ):
            told = (*args, *(one.value for one in named))
            return attr in MAKERS and all_(value, *told)
        case ast.Call(func=ast.Name(id=name), args=args) if scope.name == ELSEWHERE:
            # Its own function, called when it is loaded: no caller is there yet.
            return name in module.functions and all_(*args)
        case ast.GeneratorExp(elt=elt, generators=loops):
            return _is_constant(elt, _within(scope, loops), module)
        case ast.DictComp(key=key, value=value, generators=loops):
            inner = _within(scope, loops)
            return all(_is_constant(one, inner, module) for one in (key, value))
    return False


def _within(scope: Scope, loops: Sequence[ast.comprehension]) -> Scope:
    """Return the scope of what a comprehension repeats: its names are what is looped over."""
    given = dict(scope.given)
    for each in loops:
        given.update(_targets(each))
    return Scope(scope.name, given, scope.parameters)


def _is_constant_name(name: str, scope: Scope, module: Scope) -> bool:
    if name in scope.parameters:
        return False
    if name in scope.given:
        values = scope.given[name]
        inner = Scope(scope.name, {**scope.given, name: []}, scope.parameters)
        return bool(values) and all(
            _is_constant(value, inner, module) for value in values
        )
    if name in module.given:
        rest = replace(module, given={**module.given, name: []})
        return name.isupper() and all(
            _is_constant(value, Scope(ELSEWHERE), rest) for value in module.given[name]
        )
    return (
        name.isupper()
    )  # imported by its constant's name, and checked where it stands


def _targets(each: ast.comprehension) -> Mapping[str, list[ast.expr]]:
    names = [one.id for one in ast.walk(each.target) if isinstance(one, ast.Name)]
    return {name: [each.iter] for name in names}


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the module's own lines, then each function."""
    yield ELSEWHERE, tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node


def _own(body: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions of a function, without those of functions in it."""
    waiting = list(ast.iter_child_nodes(body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.expr):
            yield node
        waiting += ast.iter_child_nodes(node)


def _parameters(body: ast.AST) -> set[str]:
    if not isinstance(body, ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    told = body.args
    named = [*told.posonlyargs, *told.args, *told.kwonlyargs, told.vararg, told.kwarg]
    return {one.arg for one in named if one is not None}


def _given(body: ast.AST) -> dict[str, list[ast.expr]]:
    """Return what each plain name is given in a function, or at the top of a module."""
    found: dict[str, list[ast.expr]] = {}
    waiting = list(ast.iter_child_nodes(body))
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.setdefault(name, []).append(value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                found.setdefault(name, []).append(value)
            case (
                ast.For(target=target, iter=values)
                | ast.AsyncFor(target=target, iter=values)
            ):
                for one in ast.walk(target):
                    if isinstance(one, ast.Name):
                        found.setdefault(one.id, []).append(values)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def _all() -> list[Doubt]:
    return [
        doubt
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for doubt in doubts(path.read_text(), str(path.relative_to(ROOT)))
    ]


def test_no_statement_is_made_from_what_a_caller_says() -> None:
    """A statement is a constant of its module, or stands in the list above with its reason."""
    wrong = [one for one in _all() if (one.file, one.function) not in ALLOWED]

    assert wrong == []


def test_what_is_allowed_is_still_there() -> None:
    """A reason goes with the line it was for."""
    there = {(one.file, one.function) for one in _all()}

    assert set(ALLOWED) <= there


GOOD = """
FIELDS = "a, b"
READ = f"SELECT {FIELDS} FROM thing WHERE a = $1"
BY_STATE = {True: READ, False: "SELECT 1"}
async def read(tx, key, is_open):
    sql = READ if is_open else "SELECT 2"
    await tx.fetch(sql, key)
    await tx.fetch(BY_STATE[is_open], key)
    await tx.fetch(other.READ, key)
"""
BAD = {
    "an f-string": 'async def f(tx, a): await tx.fetch(f"SELECT {a} FROM t")',
    "a sum": 'async def f(tx, a): await tx.fetch("SELECT 1 FROM t WHERE a=" + a)',
    "percent": 'async def f(tx, a): await tx.fetch("SELECT 1 FROM t WHERE a=%s" % a)',
    "format": 'async def f(tx, a): await tx.fetch("SELECT 1 FROM t {}".format(a))',
    "a name": 'async def f(tx, a):\\n sql = "SELECT 1 " + a\\n await tx.fetch(sql)',
    "a parameter": "async def f(tx, sql): await tx.execute(sql)",
    "a call": "async def f(tx, a): await tx.execute(make(a))",
    "kept for later": 'def f(a): return f"DELETE FROM t WHERE a = {a}"',
    "a computed constant": "SQL = make()\nasync def f(tx): await tx.fetch(SQL)",
    "at the top": 'TABLE = input()\\nREAD = f"SELECT 1 FROM {TABLE.lower(table)} x"',
    "grown": 'async def f(tx, a):\\n sql = "SELECT 1"\\n sql += a\\n await tx.fetch(sql)',
}


def test_constants_are_let_pass() -> None:
    """Names, columns put together, a choice of several."""
    assert doubts(GOOD, "x") == []


@pytest.mark.parametrize("way", BAD)
def test_every_way_to_build_a_statement_is_seen(way: str) -> None:
    """The reader itself can fail."""
    assert doubts(BAD[way].replace("\\n", "\n"), "x")
