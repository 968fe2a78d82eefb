"""A tiny evaluator of the CQL that portable conditions are written in, apart from our engine.

It knows the constructs that the view uses and refuses every other one; like CQL it has null for
what is not known. Lists are Python lists, a day is a tuple of as many of its parts as are stated.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<day>@\d{4}-\d\d-\d\d)|(?P<number>-?\d+)"
    r"|(?P<variable>%[a-z0-9]+)|(?P<retrieve>\[[A-Za-z]+\])|(?P<word>[A-Za-z]+)"
    r"|(?P<mark><=|>=|[=.,(){}]))"
)
CHOICES = ("DateTime", "Period", "Timing", "CodeableConcept", "Reference")
Value = Any
Scope = Mapping[str, Value]
Node = Callable[[Scope], Value]


def evaluate(source: str, scope: Scope) -> Value:
    """The value of an expression; `scope` has `%order` and, for a retrieve, `[Coverage]`."""
    return Parser(source).whole()(scope)


class Parser:
    """One expression, parsed to nested functions."""

    def __init__(self, source: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while source[place:].strip():
            found = TOKEN.match(source, place)
            assert found, f"unknown to the tiny evaluator: {source[place : place + 40]}"
            self.tokens.append((str(found.lastgroup), found.group().strip()))
            place = found.end()
        self.at = 0

    @property
    def next(self) -> str:
        """The next token."""
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        """The next token, which must be one of these if any are given."""
        token = self.next
        assert token, "the expression ends too early"
        assert not expected or token in expected, f"{token} instead of {expected}"
        self.at += 1
        return token

    def may(self, token: str) -> bool:
        """Whether the next token is this one; then it is taken."""
        if self.next == token:
            self.at += 1
            return True
        return False

    def whole(self) -> Node:
        node = self.either()
        assert not self.next, f"{self.next} is left over"
        return node

    def either(self) -> Node:
        node = self.both()
        while self.may("or"):
            node = disjunction(node, self.both())
        return node

    def both(self) -> Node:
        node = self.denied()
        while self.may("and"):
            node = conjunction(node, self.denied())
        return node

    def denied(self) -> Node:
        if self.may("not"):
            inner = self.denied()
            return lambda scope: negation(inner(scope))
        return self.compared()

    def compared(self) -> Node:
        if self.may("exists"):
            inner = self.in_brackets()
            return lambda scope: bool(as_list(inner(scope)))
        left = self.path()
        if self.may("is"):
            denied, wanted = self.may("not"), LOGICAL[self.take(*LOGICAL)]
            return lambda scope: (left(scope) is wanted) is not denied
        if self.next in ("=", "<=", ">=", "in"):
            operator, right = self.take(), self.path()
            return lambda scope: compare(operator, left(scope), right(scope))
        return left

    def path(self) -> Node:
        if self.may("date"):
            self.take("from")
            moment = self.path()
            return lambda scope: day_of(moment(scope))
        node = self.primary()
        while self.may("."):
            node = member(node, self.take())
        if self.may("as"):
            self.take("FHIR")
            self.take(".")
            node = cast(node, self.take())
        return node

    def in_brackets(self) -> Node:
        """An expression or a query, in parentheses."""
        self.take("(")
        node = self.either()
        kind = self.tokens[self.at][0]
        if kind == "word" and self.next not in ("and", "or", "is"):
            alias = self.take()
            self.take("where")
            node = query(node, alias, self.either())
        self.take(")")
        return node

    def primary(self) -> Node:
        kind, word = self.tokens[self.at]
        if word == "(":
            return self.in_brackets()
        self.take()
        if kind in LITERALS or word in LOGICAL:
            literal = LOGICAL[word] if word in LOGICAL else LITERALS[kind](word)
            return lambda _: literal
        if word in ("{", "if"):
            return self.listed() if word == "{" else self.chosen()
        if word in FUNCTIONS:
            return self.called(word)
        assert kind in ("variable", "retrieve", "word"), word
        return lambda scope: scope[word]

    def listed(self) -> Node:
        values = [self.path()]
        while self.may(","):
            values.append(self.path())
        self.take("}")
        return lambda scope: [value(scope) for value in values]

    def chosen(self) -> Node:
        test = self.either()
        self.take("then")
        holds = self.path()
        self.take("else")
        fails = self.path()
        return lambda scope: holds(scope) if test(scope) is True else fails(scope)

    def called(self, name: str) -> Node:
        self.take("(")
        arguments = [self.path()]
        while self.may(","):
            arguments.append(self.path())
        self.take(")")
        return lambda scope: FUNCTIONS[name](*(argument(scope) for argument in arguments))


LOGICAL: Mapping[str, Value] = {"null": None, "true": True, "false": False}
LITERALS: Mapping[str, Callable[[str], Value]] = {
    "string": lambda word: re.sub(r"\\(.)", r"\1", word[1:-1]),
    "day": lambda word: tuple(map(int, word[1:].split("-"))),
    "number": int,
}


def as_list(value: Value) -> list[Value]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def position(part: Value, whole: Value) -> Value:
    return None if part is None or whole is None else whole.find(part)


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "Count": lambda values: len(as_list(values)),
    "Lower": lambda words: None if words is None else words.lower(),
    "PositionOf": position,
}


def query(source: Node, alias: str, condition: Node) -> Node:
    return lambda scope: [
        item for item in as_list(source(scope)) if condition({**scope, alias: item}) is True
    ]


def member(node: Node, name: str) -> Node:
    def inside(scope: Scope) -> Value:
        holder = node(scope)
        if not isinstance(holder, list):
            return element(holder, name)
        found = [value for item in holder for value in as_list(element(item, name))]
        return found or None

    return inside


def element(holder: Value, name: str) -> Value:
    """One element; of a choice what is stated, with its type in front."""
    if not isinstance(holder, dict):
        return None
    if name in holder:
        return holder[name]
    choices = [(kind, holder[name + kind]) for kind in CHOICES if name + kind in holder]
    return choices[0] if choices else None


def cast(node: Node, kind: str) -> Node:
    def of_that_kind(scope: Scope) -> Value:
        chosen = node(scope)
        return chosen[1] if chosen and chosen[0].lower() == kind.lower() else None

    return of_that_kind


def day_of(moment: Value) -> Value:
    return None if moment is None else tuple(map(int, moment.split("T")[0].split("-")))


def compare(operator: str, left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    if operator == "in":
        return left in right
    if operator == "=":
        return bool(left == right)
    shared = min(len(left), len(right))
    if left[:shared] == right[:shared]:
        return True if len(left) == len(right) else None
    is_before = left[:shared] < right[:shared]
    return is_before if operator == "<=" else not is_before


def negation(value: Value) -> Value:
    return None if value is None else not value


def conjunction(left: Node, right: Node) -> Node:
    def both(scope: Scope) -> Value:
        values = (left(scope), right(scope))
        if False in values:
            return False
        return None if None in values else True

    return both


def disjunction(left: Node, right: Node) -> Node:
    def either(scope: Scope) -> Value:
        values = (left(scope), right(scope))
        if True in values:
            return True
        return None if None in values else False

    return either
