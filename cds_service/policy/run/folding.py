"""Folding: work that expressions have in common, or that never changes, done once.

Policies list phrases as unions of literals (`'PFA' | 'IRE'`), which fhirpathpy would evaluate anew
for every order, and write rules in pairs (`….exists()`, `….empty()`) that ask the same.
"""

import copy
from collections.abc import Callable
from typing import Any

Node = dict[str, Any]


def fold_literals(tree: Node, evaluate: Callable[[Node], list[Any]]) -> dict[str, list[Any]]:
    """Put variables in place of the unions of literals below `tree`; their values by name."""
    values: dict[str, list[Any]] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        for place, child in enumerate(node.get("children", [])):
            if child["type"] == "UnionExpression" and _is_literal(child):
                name = f"literals {len(values)}"  # no variable of a policy can have a blank
                values[name] = evaluate(child)
                node["children"][place] = _variable(name)
            else:
                waiting.append(child)
    return values


def read_existence(tree: Node) -> tuple[Node, bool] | None:
    """For `X.exists()` and `X.empty()` the tree of `X.count()`, and whether X is to exist."""
    counting = copy.deepcopy(tree)
    (outermost,) = counting["children"]
    match outermost:
        case {
            "type": "InvocationExpression",
            "children": [_, {"type": "FunctionInvocation", "children": [{"children": [name]}]}],
        } if name["text"] in ("exists", "empty"):
            is_there = name["text"] == "exists"
            name.update(text="count", terminalNodeText=["count"])
            del outermost["text"]  # the one trace of which of the two it was
            return counting, is_there
    return None


def _is_literal(node: Node) -> bool:
    """Whether a term is a text, or a union one of texts alone."""
    kinds = ("UnionExpression", "TermExpression", "LiteralTerm", "StringLiteral")
    return node["type"] in kinds and all(map(_is_literal, node.get("children", [])))


def _variable(name: str) -> Node:
    """The syntax tree of `%name`."""
    identifier: Node = {"type": "Identifier", "terminalNodeText": [name], "text": name}
    constant: Node = {
        "type": "ExternalConstant",
        "terminalNodeText": ["%"],
        "children": [identifier],
    }
    term: Node = {"type": "ExternalConstantTerm", "terminalNodeText": [], "children": [constant]}
    return {"type": "TermExpression", "terminalNodeText": [], "text": name, "children": [term]}
