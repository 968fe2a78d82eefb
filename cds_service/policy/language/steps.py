"""Steps: what compiled parts of an expression are, and what they are given at run time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.language.collection import Collection, as_open
from cds_service.policy.language.elements import ElementModel, Place
from cds_service.policy.language.parser import Node

Places = tuple[Place, ...]


class Scope(Protocol):
    """What an expression is evaluated over: the variables, and the chart behind references."""

    def variable(self, name: str) -> Collection:
        """The value of a variable."""

    def resolve(self, reference: Any, within: Any) -> Collection:
        """The resource that a Reference made by the resource `within` leads to."""

    def note(self, path: str, values: Collection) -> None:
        """Keep what was read, for the explanation."""

    def once(self, key: object, compute: Callable[[], Collection]) -> Collection:
        """What is computed the first time it is asked for."""


# Yields a collection; the second argument is what `$this` stands for.
Step = Callable[[Scope, Collection], Collection]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An element by its name, and the names JSON has for it if it is a choice of types."""

    name: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A compiled part: its step, and the places in resources that it may yield.

    A path keeps where it begins and its element names, for what follows to continue it. `value` is
    what a constant yields, whatever the order.
    """

    step: Step
    places: Places = ()
    root: "Compiled | None" = None
    members: tuple[Member, ...] = ()
    written: str = ""
    value: Collection | None = None


class Walk(Protocol):
    """The walk through one syntax tree, as functions see it."""

    model: ElementModel

    def compile(self, node: Node, focus: Places) -> Compiled:
        """A part of the tree; `focus` is where a path without a variable begins."""

    def text_of(self, node: Node) -> str | None:
        """The text of a literal; None if it is none."""

    def code_set(self, canonical: str) -> CodeSet:
        """The ValueSet of the library with this canonical."""

    def path(self, root: Compiled, members: tuple[Member, ...], places: Places) -> Compiled:
        """A path from what is compiled already."""


def follow_members(found: Collection, members: Iterable[Member]) -> Collection:
    """The values at the end of a path of elements, through lists or not."""
    values: Iterable[Any] = found
    for member in members:
        inner: list[Any] = []
        for holder in values:
            value = _value(holder, member)
            if type(value) is list:
                inner.extend([item for item in value if item is not None])
            elif value is not None:
                inner.append(value)
        values = inner
    return as_open(values, found)


def _value(holder: Any, member: Member) -> Any:
    if not isinstance(holder, dict):
        return None
    value = holder.get(member.name)
    if value is None and member.choices:
        stated = (holder[choice] for choice in member.choices if choice in holder)
        return next(stated, None)
    return value
