"""Which statements of SQL are made of anything but literals and names that the project declares.

The program's text is read, not executed. Each call of a method such as ``execute`` is followed back
to what its statement is made of: through variables, loops, arguments and the functions that
return parts of it. What arrives at run time, such as a value of a row, must be a parameter.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from forecast_assets_tests.graphs import ROOT

EXECUTING = {"execute", "executemany", "executescript"}
"""Methods that execute a statement, and that are called where they are named."""

METHODS = EXECUTING | {"sql", "query", "from_query", "read_sql", "read_sql_query"}
"""Methods whose first argument is a statement."""

KEYWORDS = {"statement", "sql", "query", "operation"}
"""What the argument of such a method is called."""

OF_RELATIONS = {"filter", "project", "aggregate", "order"}
"""Methods of DuckDB's relations that take a text as SQL; others take no text."""

ADDING = {"append", "extend", "insert", "add", "update"}
"""Methods that add their last argument to a list, set or mapping."""

DECLARING = {
    f"forecast_assets.store.{function}"
    for function in (
        "sql.definitions.view_definition",
        "sql.definitions.table_definitions",
        "sql.definitions.as_of_definitions",
        "delta.visible.view_of_seen",
        "delta.visible.in_place_of_a_view",
        "delta.visible.loaded",
        "delta.visible.unnamed",
        "spark.model_table.addition",
        "spark.model_table.forgetting",
        "spark.views.derived",
        "spark.views.seen",
    )
}
"""The functions that make whole statements of declared tables; `loaded` has conditions of `scopes`,
whose values are parameters."""

QUOTING = {
    "forecast_assets.store.delta.predicate.predicate",
    "forecast_assets.store.delta.predicate.literal",
    "forecast_assets.store.sql.names.quoted",
    "forecast_assets.store.spark.names.quoted",
    "forecast_assets.store.spark.names.stored_as",
    "forecast_assets.store.spark.names.within",
    "forecast_assets.store.sql.confined.text",
}
"""The functions that make an identifier or a literal of any text; `test_names.py` tests them."""

DECLARED = {
    "self.catalog": "the quoted name of the file",
    "self.definitions": "statements made from forecast_assets/store/tables",
    "migration.before": "statements of a migration",
    "migration.after": "statements of a migration",
    "each.condition": "an expression of integrity_view.py",
    "self.declared_name": "the name of a declared table",
    "self.among": "a condition of workbench.py",
    "self.before": "the name of a temporary table of workbench.py",
    "self.same": "a comparison of the quoted columns of a declared key",
    "self.telling": "columns of a declared table",
    "self._held": "an expression of workbench.py",
    "self._now": "an expression of workbench.py",
    "self._added": "an expression of workbench.py",
    "self._removed": "an expression of workbench.py",
    "self._gone": "an expression of workbench.py",
    "column.name": "the name of a declared column",
    "table.room": "the schema of a declared table",
    "table.short_name": "the name of a declared table",
    "table.key": "the columns of a declared key",
    "column.sql_type": "the type of a declared column",
    "table.column(column).sql_type": "the type of a declared column",
}
"""Attributes that hold only what the project declares, and what that is."""

PLAIN = {"str", "tuple", "next", "compile"}
"""Functions whose results are made of their arguments."""

METHODS_OF_TEXT = {"join", "format", "items", "values", "match"}
"""Methods whose results are made of their object and their arguments."""

BUILDERS = {"select", "where", "order_by", "limit", "distinct", "update", "delete", "values"}
"""Functions and methods of SQLAlchemy, whose statements have all values as parameters."""

Comprehension = ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp


@dataclass(frozen=True)
class Unsafe:
    """A statement that is made of something else: where, and of what."""

    module: str
    line: int
    part: str

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}: a statement of SQL is made of `{self.part}`"


@dataclass
class Module:
    """A module's text, parsed."""

    name: str
    tree: ast.Module
    package: "Package"
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """All functions and methods, by name."""
        return {x.name: x for x in ast.walk(self.tree) if isinstance(x, ast.FunctionDef)}

    @cached_property
    def imported(self) -> dict[str, "Module"]:
        """The project's modules from which names are imported."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    for name in (node.module or "", f"{node.module}.{alias.name}"):
                        if name in self.package.modules:
                            found[alias.asname or alias.name] = self.package.modules[name]
        return found

    @cached_property
    def origins(self) -> dict[str, str]:
        """What imported names, and the module's own functions, are called in full."""
        found = {name: f"{self.name}.{name}" for name in self.functions}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                found |= {x.asname or x.name: f"{node.module}.{x.name}" for x in node.names}
        return found

    def scopes_of(self, node: ast.AST) -> list[ast.FunctionDef | Comprehension]:
        """The functions and comprehensions around a node, the innermost first."""
        found = []
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef | Comprehension):
                found.append(node)
        return found

    def statements(self) -> Iterator[ast.expr]:
        """The statement of each call of a method that executes one.

        A call of which this cannot be told, and a method that is kept for later, stand for it.
        """
        called = {id(x.func) for x in ast.walk(self.tree) if isinstance(x, ast.Call)}
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Attribute(attr=attr) | ast.Name(id=attr), args=args) if (
                    attr in METHODS
                ):
                    given = args or [x.value for x in node.keywords if x.arg in KEYWORDS]
                    yield given[0] if given else node
                case ast.Call(func=ast.Attribute(attr=attr), args=[first, *_]) if (
                    attr in OF_RELATIONS and is_text(first)
                ):
                    yield first
                case ast.Attribute(attr=attr) if attr in EXECUTING and id(node) not in called:
                    yield node


@dataclass
class Package:
    """The modules of a package, and what of them was looked at."""

    modules: dict[str, Module] = field(default_factory=dict)
    seen: set[tuple[str, int, int, str]] = field(default_factory=set)

    @classmethod
    def of(cls, folder: Path) -> "Package":
        """All modules in a folder and below."""
        package = cls()
        for file in sorted(folder.rglob("*.py")):
            text = file.read_text()
            if "store" in file.parts or any(f".{method}(" in text for method in METHODS):
                package.add(".".join(file.relative_to(ROOT).with_suffix("").parts), text)
        return package

    def add(self, name: str, text: str) -> None:
        """Add a module by its text."""
        self.modules[name] = Module(name, ast.parse(text), self)

    def unsafe(self) -> list[Unsafe]:
        """All statements that are made of something that is not declared."""
        found = [
            each
            for module in self.modules.values()
            for statement in module.statements()
            for each in self.parts(module, statement)
        ]
        return list(dict.fromkeys(found))

    def parts(self, module: Module, node: ast.expr) -> Iterator[Unsafe]:
        """What an expression is made of that is not declared."""
        match node:
            case ast.Constant():
                return
            case (
                ast.JoinedStr(values=inner)
                | ast.Dict(values=inner)
                | ast.BoolOp(values=inner)
                | ast.Tuple(elts=inner)
                | ast.List(elts=inner)
            ):
                yield from self.all_of(module, inner)
            case (
                ast.FormattedValue(value=value)
                | ast.Starred(value=value)
                | ast.Subscript(value=value)
                | ast.DictComp(value=value)
                | ast.GeneratorExp(elt=value)
                | ast.ListComp(elt=value)
            ):
                yield from self.parts(module, value)
            case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
                yield from self.all_of(module, [left, right])
            case ast.Attribute() if ast.unparse(node) in DECLARED:
                return
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in module.imported:
                yield from self.of_module(module.imported[name], attr, module, node)
            case ast.Name():
                yield from self.of_name(module, node)
            case ast.Call():
                yield from self.of_call(module, node)
            case _:
                yield Unsafe(module.name, node.lineno, ast.unparse(node))

    def all_of(self, module: Module, nodes: list[ast.expr]) -> Iterator[Unsafe]:
        for node in nodes:
            yield from self.parts(module, node)

    def of_name(self, module: Module, node: ast.Name) -> Iterator[Unsafe]:
        """What a variable is made of, wherever it gets a value."""
        mark = (module.name, node.lineno, node.col_offset, node.id)
        if mark in self.seen:
            return
        self.seen.add(mark)
        for scope in [*module.scopes_of(node), module.tree]:
            if binding(scope, node.id):
                yield from self.all_of(module, list(self.values_of(module, scope, node.id)))
                return
            if isinstance(scope, ast.FunctionDef) and node.id in arguments_of(scope):
                yield from self.of_argument(module, scope, node)
                return
        if node.id in module.imported:
            yield from self.of_module(module.imported[node.id], node.id, module, node)
            return
        yield Unsafe(module.name, node.lineno, node.id)

    def values_of(self, module: Module, scope: ast.AST, name: str) -> Iterator[ast.expr]:
        """All that a variable is set to in a function, or by the statements of a module itself."""
        for target, value in set_in(scope):
            if isinstance(target, ast.Tuple):
                for place, inner in enumerate(target.elts):
                    if binds(inner, name):
                        yield from self.picked(module, scope, value, place)
            elif binds(target, name):
                yield value

    def picked(
        self, module: Module, scope: ast.AST, value: ast.expr, place: int
    ) -> Iterator[ast.expr]:
        """What the part of a tuple is set to, in an assignment or in a loop over tuples."""
        match value:
            case ast.Call(func=ast.Name(id="zip" | "product"), args=given):
                yield given[place]
            case ast.Call(func=ast.Name(id="enumerate"), args=given):
                yield from given[:place]  # a place is a number
            case ast.Call(func=ast.Attribute(value=ast.Dict(keys=keys), attr="items")) if not place:
                yield from (key for key in keys if key is not None)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="items")) if not place:
                for inner in self.values_of(module, scope, name):
                    yield from self.keys_of(module, inner)
            case ast.ListComp(elt=ast.Tuple(elts=parts)) | ast.Tuple(elts=parts):
                yield parts[place]
            case ast.Name(id=name) if found := list(self.values_of(module, scope, name)):
                for inner in found:
                    yield from self.picked(module, scope, inner, place)
            case _:
                yield value

    def keys_of(self, module: Module, value: ast.expr) -> Iterator[ast.expr]:
        """The keys of a mapping that a function returns or a display gives."""
        match value:
            case ast.Dict(keys=keys):
                yield from (key for key in keys if key is not None)
            case ast.Call(func=ast.Name(id=name)) if name in module.functions:
                for returned in returned_by(module.functions[name]):
                    yield from self.keys_of(module, returned)
            case _:
                yield value

    def of_module(
        self, home: Module, name: str, module: Module, node: ast.expr
    ) -> Iterator[Unsafe]:
        """What a name of another module is made of."""
        values = list(self.values_of(home, home.tree, name))
        if not values:
            yield Unsafe(module.name, node.lineno, name)
        yield from self.all_of(home, values)

    def of_argument(
        self, module: Module, function: ast.FunctionDef, node: ast.Name
    ) -> Iterator[Unsafe]:
        """What a function's argument is made of, in each call of the function."""
        place = arguments_of(function).index(node.id)
        called = False
        for caller in self.modules.values():
            is_here = caller is module or caller.imported.get(function.name) is module
            for call in calls_of(caller, function.name) if is_here else ():
                called = True
                if is_open(call):
                    yield Unsafe(caller.name, call.lineno, ast.unparse(call))
                    continue
                given = [word.value for word in call.keywords if word.arg == node.id]
                is_method = isinstance(call.func, ast.Attribute)
                given += call.args[place - is_method : place - is_method + 1]
                yield from self.all_of(caller, given[:1])
        yield from self.all_of(module, defaults_of(function, node.id))
        if not called:
            yield Unsafe(module.name, node.lineno, node.id)

    def of_call(self, module: Module, node: ast.Call) -> Iterator[Unsafe]:
        """What a call's result is made of."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if isinstance(node.func, ast.Name):
            name = node.func.id
        given = [*node.args, *(word.value for word in node.keywords)]
        home = module.imported.get(name, module)
        made_by = ast.unparse(node.args[0]) if name == "map" else name
        if module.origins.get(made_by) in QUOTING | DECLARING:
            return
        if name in BUILDERS and (given or name != "values") and not holds_text(node):
            yield from self.all_of(module, clauses_of(node))
            return
        if name in PLAIN:
            yield from self.all_of(module, given)
        elif name in METHODS_OF_TEXT:
            assert isinstance(node.func, ast.Attribute)
            yield from self.all_of(module, [node.func.value, *given])
        elif name in home.functions:
            for returned in returned_by(home.functions[name]):
                yield from self.parts(home, returned)
        else:
            yield Unsafe(module.name, node.lineno, ast.unparse(node))


def holds_text(statement: ast.Call) -> bool:
    """Whether a statement that is built has a text in it, which could be SQL."""
    return any(
        isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in {"text", "literal_column"})
        for node in ast.walk(statement)
    )


def clauses_of(statement: ast.Call) -> list[ast.expr]:
    """The variables that are conditions or an order of a statement that is built."""
    return [
        given
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"where", "order_by"}
        for given in node.args
        if isinstance(given, ast.Name)
    ]


def is_text(node: ast.expr) -> bool:
    """Whether an expression is a text, or is put together from one."""
    return any(
        isinstance(each, ast.JoinedStr)
        or (isinstance(each, ast.Constant) and isinstance(each.value, str))
        for each in (node, *(x for x in ast.walk(node) if isinstance(node, ast.BinOp)))
    )


def is_open(call: ast.Call) -> bool:
    """Whether a call passes on arguments that it does not name."""
    starred = any(isinstance(each, ast.Starred) for each in call.args)
    return starred or any(word.arg is None for word in call.keywords)


def defaults_of(function: ast.FunctionDef, name: str) -> list[ast.expr]:
    """The default of an argument, if it has one."""
    told = function.args
    places = [*told.posonlyargs, *told.args]
    last = places[len(places) - len(told.defaults) :]
    pairs = [
        *zip(last, told.defaults, strict=True),
        *zip(told.kwonlyargs, told.kw_defaults, strict=True),
    ]
    return [value for argument, value in pairs if argument.arg == name and value is not None]


def arguments_of(function: ast.FunctionDef) -> list[str]:
    """The names of a function's arguments, in order."""
    told = function.args
    return [x.arg for x in (*told.posonlyargs, *told.args, *told.kwonlyargs)]


def calls_of(module: Module, name: str) -> Iterator[ast.Call]:
    """The calls of a function or method of this name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
            yield node


def returned_by(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """What a function returns or yields."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None:
            yield node.value


def binding(scope: ast.AST, name: str) -> bool:
    """Whether a variable is set in a function, or by a module itself."""
    return any(binds(target, name) for target, _ in set_in(scope))


def set_in(
    scope: ast.AST,
) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets and values of all assignments and loops in a function, or of a module itself."""
    if isinstance(scope, Comprehension):
        nodes: Iterator[ast.AST] = iter(scope.generators)
    else:
        nodes = ast.iter_child_nodes(scope) if isinstance(scope, ast.Module) else ast.walk(scope)
    for node in nodes:
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((target, value) for target in targets)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield target, value
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=target, attr=attr), args=[*_, value])
            ) if attr in ADDING:
                yield target, value
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                yield target, value


def binds(target: ast.expr, name: str) -> bool:
    """Whether an assignment to a target sets a variable."""
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))
