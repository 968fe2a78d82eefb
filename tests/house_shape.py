"""The shape of the house: what style.md asks of every module, as checks over its syntax tree."""

import ast
import re
from collections.abc import Iterator, Sequence

from house_sources import Function, Source

# The edge answers every bug of ours with one catch, also where the other finds it unrecordable.
MAY_CATCH_ALL = {"web.problems": 2}
REGISTERS = ("suppress", "register_error_handler", "errorhandler")

LONGEST_FUNCTION, LONG_FUNCTION, LONGEST_MODULE = 40, 25, 250
MOST_CLAUSES = 3  # `for` and `if` in one comprehension
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
SAYS_NOTHING = re.compile(r"(util|common|helper|manager|misc)s?")
WORK = {
    "open",
    "read_text",
    "read_bytes",
    "connect",
    "getenv",
    "now",
    "today",
    "read_library",
    "Thread",
}
PER_REQUEST = {"g"}  # Flask's: it lives as long as one request
WRITES = set(
    "append add update pop popitem setdefault clear "
    "extend insert remove discard sort reverse".split()
)


def broad_catches(house: Sequence[Source]) -> Iterator[str]:
    """Places that catch everything, but for the one that may."""
    for source in house:
        found = [*_broad_handlers(source), *_broad_registrations(source)]
        yield from found[MAY_CATCH_ALL.get(source.name, 0) :]


def _broad_handlers(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and (
            node.type is None or _names_everything(node.type)
        ):
            yield source.at(node.lineno, "catches everything")


def _broad_registrations(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and _called(node) in REGISTERS
            and any(map(_names_everything, node.args))
        ):
            yield source.at(node.lineno, f"{_called(node)} of everything")


def _names_everything(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Name) and part.id in ("Exception", "BaseException")
        for part in ast.walk(node)
    )


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rsplit(".", 1)[-1]


def work_at_import(house: Sequence[Source]) -> Iterator[str]:
    """Module-level statements that are no import, constant, definition or `if __name__`."""
    for source in house:
        for node in _run_at_import(source.tree.body):
            if not _is_quiet(node):
                yield source.at(node.lineno, f"runs at import: {ast.unparse(node)[:60]}")


def _run_at_import(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _run_at_import(node.body)


def _is_quiet(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.Assign(targets=targets):
            return all(map(_is_plain, targets)) and not _works(node)
        case ast.AnnAssign(target=ast.Name()):
            return not _works(node)
        case ast.If(test=test):
            return ast.unparse(test) == "__name__ == '__main__'"
    return isinstance(node, ast.Import | ast.ImportFrom | Function | ast.ClassDef)


def _is_plain(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (
        isinstance(target, ast.Tuple) and all(map(_is_plain, target.elts))
    )


def _works(node: ast.AST) -> bool:
    """Whether evaluating a constant reads files, environment or clock; lambdas run later."""
    if isinstance(node, ast.Lambda):
        return False
    if (isinstance(node, ast.Call) and _called(node) in WORK) or ast.unparse(node) == "os.environ":
        return True
    return any(_works(child) for child in ast.iter_child_nodes(node))


def written_module_state(house: Sequence[Source]) -> Iterator[str]:
    """Functions that write to what lives in a module."""
    for source in house:
        yield from (
            source.at(node.lineno, "`global`")
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Global)
        )
        shared = _module_names(source.tree) - PER_REQUEST
        for function in source.functions():
            yield from (
                source.at(line, f"writes to {name}") for line, name in _writes(function, shared)
            )


def _module_names(tree: ast.Module) -> set[str]:
    imported = (node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    names = {
        (alias.asname or alias.name).split(".")[0] for node in imported for alias in node.names
    }
    names |= {node.name for node in tree.body if isinstance(node, Function | ast.ClassDef)}
    assigned = (node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    return names.union(*map(_stored_names, assigned))


def _stored_names(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _writes(function: ast.AST, shared: set[str]) -> Iterator[tuple[int, str]]:
    own = _stored_names(function) | {
        argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)
    }
    for node in ast.walk(function):
        name = _base(_written(node))
        if name in shared - own:
            yield getattr(node, "lineno", 0), name


def _written(node: ast.AST) -> ast.AST | None:
    """The object a node changes: whose item or attribute is set or deleted, or which is mutated."""
    match node:
        case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
            return value
        case ast.Attribute(value=value, ctx=ast.Store() | ast.Del()):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr=attribute)) if attribute in WRITES:
            return value
    return None


def _base(node: ast.AST | None) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def empty_names(house: Sequence[Source]) -> Iterator[str]:
    """Modules and rooms named for nothing."""
    for source in house:
        if any(
            SAYS_NOTHING.fullmatch(part)
            for name in source.name.split(".")
            for part in name.split("_")
        ):
            yield source.at(1, "a name that says nothing")


def missing_docstrings(house: Sequence[Source]) -> Iterator[str]:
    """Modules, public functions and public classes without a docstring."""
    for source in house:
        if not ast.get_docstring(source.tree):
            yield source.at(1, "module without docstring")
        defined = (node for node in source.tree.body if isinstance(node, Function | ast.ClassDef))
        for node in defined:
            if not node.name.startswith("_") and not ast.get_docstring(node):
                yield source.at(node.lineno, f"`{node.name}` without docstring")


def overlong_functions(house: Sequence[Source]) -> Iterator[str]:
    """Functions nobody takes in at once."""
    for place, lines in _function_lengths(house):
        if lines > LONGEST_FUNCTION:
            yield f"{place}: {lines} lines"


def too_many_long_functions(house: Sequence[Source]) -> Iterator[str]:
    """More than one function in ten over 25 lines."""
    lengths = [lines for _, lines in _function_lengths(house)]
    long = [lines for lines in lengths if lines > LONG_FUNCTION]
    if len(long) * 10 > len(lengths):
        yield f"{len(long)} of {len(lengths)} functions have more than {LONG_FUNCTION} lines"


def _function_lengths(house: Sequence[Source]) -> Iterator[tuple[str, int]]:
    for source in house:
        for node in source.functions():
            yield (
                source.at(node.lineno, node.name),
                (node.end_lineno or node.lineno) - node.lineno + 1,
            )


def overlong_modules(house: Sequence[Source]) -> Iterator[str]:
    """Modules with more than one noun in them, by their length."""
    for source in house:
        if len(source.text.splitlines()) > LONGEST_MODULE:
            yield source.at(LONGEST_MODULE + 1, "too long")


def overfull_comprehensions(house: Sequence[Source]) -> Iterator[str]:
    """Comprehensions that must be read twice: with many clauses, or with another one inside."""
    for source in house:
        for node in ast.walk(source.tree):
            if isinstance(node, Comprehension) and _is_overfull(node):
                yield source.at(node.lineno, "a comprehension to be read twice: write the loop")


def _is_overfull(comprehension: Comprehension) -> bool:
    clauses = sum(1 + len(generator.ifs) for generator in comprehension.generators)
    inside = (node for node in ast.walk(comprehension) if node is not comprehension)
    return clauses > MOST_CLAUSES or any(isinstance(node, Comprehension) for node in inside)
