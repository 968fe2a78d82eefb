"""Compiling: from the syntax tree of an expression to nested functions, in one walk.

What the walk meets besides is kept for whoever checks the expression: the variables and the places
it reads.
"""

from collections.abc import Callable, Mapping
from collections.abc import Collection as Names

from cds_service.errors import ExpressionError
from cds_service.policy.language.calls import FunctionCall
from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.language.collection import Collection, is_open, undecided
from cds_service.policy.language.elements import ANYTHING, ElementModel, Place
from cds_service.policy.language.functions import find_function
from cds_service.policy.language.literals import LITERALS, read_literal, read_number, read_text
from cds_service.policy.language.operators import OPERATORS, signed, union
from cds_service.policy.language.parser import Node, identifier
from cds_service.policy.language.steps import Compiled, Member, Places, Scope, follow_members

FindCodeSet = Callable[[str], CodeSet]


class TreeWalk:
    """One walk through the tree of one expression."""

    def __init__(
        self,
        texts: tuple[str, ...],
        variables: Names[str],
        find_code_set: FindCodeSet,
        model: ElementModel,
    ) -> None:
        self.model = model
        self.code_set = find_code_set
        self.variables: set[str] = set()
        self.places: dict[Place, None] = {}
        self.resolves = False
        self._texts, self._known = texts, variables

    def compile(self, node: Node, focus: Places) -> Compiled:
        """A part of the tree; `focus` is where a path without a variable begins.

        Raises:
            ExpressionError: policies may not use it.
        """
        if node.kind not in _KINDS:
            raise ExpressionError(f"{_IN_WORDS.get(node.kind, node.kind)} is not for policies")
        return _KINDS[node.kind](self, node, focus)

    def text_of(self, node: Node) -> str | None:
        """The text of a literal; None if it is none."""
        return read_text(node, self._texts) if node.kind == "StringLiteral" else None

    def path(self, root: Compiled, members: tuple[Member, ...], places: Places) -> Compiled:
        """A path from what is compiled already; what it reads of a variable is noted."""
        self.places.update(dict.fromkeys(places))
        walk, names = root.step, [member.name for member in members]
        written = ".".join((root.written, *names)) if root.written else ""

        def step(scope: Scope, focus: Collection) -> Collection:
            values = follow_members(walk(scope, focus), members)
            if written:
                scope.note(written, values)
            return values

        return Compiled(step=step, places=places, root=root, members=members, written=written)

    def variable(self, node: Node, _focus: Places) -> Compiled:
        """A variable such as `%order`."""
        name = identifier(node)
        if name not in self._known:
            known = ", ".join(f"%{variable}" for variable in self._known)
            raise ExpressionError(f"`%{name}` is not one of {known}")
        self.variables.add(name)

        def step(scope: Scope, _focus: Collection) -> Collection:
            return scope.variable(name)

        return Compiled(step=step, places=(Place(f"%{name}"),), written=f"%{name}")

    def this(self, _node: Node, focus: Places) -> Compiled:
        """`$this`."""
        if not focus:
            raise ExpressionError("`$this` stands in the criteria of a function only")
        return Compiled(step=_focus_step, places=focus)

    def member(self, node: Node, focus: Places) -> Compiled:
        """A path that begins with an element: of what `$this` is."""
        name = identifier(node)
        if not focus:
            is_variable = name in self._known
            known = f"`{name}` is a variable" if is_variable else f"`{name}` begins nowhere"
            example = f"%{name}" if is_variable else f"%order.{name}"
            raise ExpressionError(f"{known}: write `{example}`")
        return self._inside(Compiled(step=_focus_step, places=focus), name)

    def invocation(self, node: Node, focus: Places) -> Compiled:
        """`receiver.element` or `receiver.function(…)`."""
        receiver = self.compile(node.children[0], focus)
        invoked = node.children[1]
        if invoked.kind == "MemberInvocation":
            return self._inside(receiver, identifier(invoked))
        if invoked.kind == "FunctionInvocation":
            return self._call(invoked, receiver, focus)
        raise ExpressionError(f"`{''.join(invoked.tokens)}` is not for policies")

    def function(self, node: Node, focus: Places) -> Compiled:
        """A function on what `$this` is; `iif` needs nothing to be called on."""
        name = identifier(node.children[0])
        find_function(name)
        if not focus and name != "iif":
            raise ExpressionError(f"`{name}()` is called on something")
        return self._call(node, Compiled(step=_focus_step, places=focus), focus)

    def _call(self, node: Node, receiver: Compiled, focus: Places) -> Compiled:
        functn = node.children[0]
        name = identifier(functn)
        parameters = functn.children[1].children if len(functn.children) > 1 else ()
        self.resolves = self.resolves or name == "resolve"
        this = receiver.places or (focus if receiver.step is _focus_step else _SOMETHING)
        call = FunctionCall(
            receiver=receiver, arguments=parameters, walk=self, focus=focus, this=this
        )
        return find_function(name).call(name, call)

    def _inside(self, receiver: Compiled, name: str) -> Compiled:
        root = receiver.root or receiver
        members = (*receiver.members, Member(name=name, choices=self.model.choices(name)))
        return self.path(root, members, tuple(place.inside(name) for place in receiver.places))

    def indexer(self, node: Node, focus: Places) -> Compiled:
        """`receiver[0]`."""
        receiver, place = self.compile(node.children[0], focus), node.children[1]
        if place.kind != "NumberLiteral" or not place.tokens[0].isdigit():
            raise ExpressionError("an index is a whole number")
        receive, index = receiver.step, int(read_number(place.tokens[0]))

        def step(scope: Scope, focus: Collection) -> Collection:
            found = receive(scope, focus)
            return undecided(found) if is_open(found) else found[index : index + 1]

        return Compiled(step=step, places=receiver.places)

    def operation(self, node: Node, focus: Places) -> Compiled:
        """Two operands and what joins them."""
        name = node.tokens[0]
        if name not in OPERATORS:
            raise ExpressionError(f"the operator `{name}` is not for policies")
        left, right = (self.compile(operand, focus) for operand in node.children)
        apply, mine, theirs = OPERATORS[name], left.step, right.step
        if left.value is not None and right.value is not None:
            return _constant(apply(left.value, right.value))

        def step(scope: Scope, focus: Collection) -> Collection:
            return apply(mine(scope, focus), theirs(scope, focus))

        return Compiled(step=step)

    def union(self, node: Node, focus: Places) -> Compiled:
        """`a | b | c`, at one go: in pairs, the first would be looked at every time."""
        operands = [self.compile(operand, focus) for operand in _operands(node)]
        values = [operand.value for operand in operands if operand.value is not None]
        if len(values) == len(operands):
            return _constant(union(*values))
        steps = [operand.step for operand in operands]

        def step(scope: Scope, focus: Collection) -> Collection:
            return union(*[take(scope, focus) for take in steps])

        places = [place for operand in operands for place in operand.places]
        return Compiled(step=step, places=tuple(places))

    def polarity(self, node: Node, focus: Places) -> Compiled:
        """A number with its sign."""
        operand, sign = self.compile(node.children[0], focus), node.tokens[0]
        receive = operand.step
        if operand.value is not None:
            return _constant(signed(sign, operand.value))

        def step(scope: Scope, focus: Collection) -> Collection:
            return signed(sign, receive(scope, focus))

        return Compiled(step=step)

    def literal(self, node: Node, _focus: Places) -> Compiled:
        """A value that is written out."""
        return _constant(read_literal(node, self._texts))


def _operands(node: Node) -> tuple[Node, ...]:
    """What a chain of unions joins, from left to right."""
    later: list[Node] = []
    while node.kind == "UnionExpression":
        node, right = node.children
        later.append(right)
    return (node, *reversed(later))


def _constant(value: Collection) -> Compiled:
    def step(_scope: Scope, _focus: Collection) -> Collection:
        return value

    return Compiled(step=step, value=value)


def _focus_step(_scope: Scope, focus: Collection) -> Collection:
    return focus


_SOMETHING = (Place(ANYTHING),)  # `$this`, of what no element holds
_OPERATIONS = (
    "EqualityExpression InequalityExpression MembershipExpression "
    "AdditiveExpression MultiplicativeExpression AndExpression OrExpression ImpliesExpression"
).split()
_KINDS: Mapping[str, Callable[[TreeWalk, Node, Places], Compiled]] = {
    "ExternalConstant": TreeWalk.variable,
    "ThisInvocation": TreeWalk.this,
    "MemberInvocation": TreeWalk.member,
    "FunctionInvocation": TreeWalk.function,
    "InvocationExpression": TreeWalk.invocation,
    "IndexerExpression": TreeWalk.indexer,
    "PolarityExpression": TreeWalk.polarity,
    "UnionExpression": TreeWalk.union,
    **dict.fromkeys(LITERALS, TreeWalk.literal),
    **dict.fromkeys(_OPERATIONS, TreeWalk.operation),
}
_IN_WORDS = {
    "TypeExpression": "`is` and `as` (write `ofType(…)`)",
    "TimeLiteral": "a time of day",
    "IndexInvocation": "`$index`",
    "TotalInvocation": "`$total`",
}
