"""Orders of one call told apart by name, for whoever reads several cards (CRD dev-24)."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.request.order import Order, read_order
from cds_service.crd.request.order_kinds import is_order
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject, resource_type

# Without brackets and quotation marks, so that no title with its mark reads like two others.
_CODES = re.compile(r"[\w., :-]{1,80}", re.ASCII)
_ENDINGS, _TEENS = {1: "st", 2: "nd", 3: "rd"}, range(11, 14)


def tell_apart(
    orders: Sequence[Order],
    sent: Sequence[JsonObject],
    read: Callable[[JsonObject], Order] = read_order,
) -> tuple[Order, ...]:
    """The same orders; where titles are alike, each has a mark that the others do not have.

    `sent` are the resources that a clinician sees. An order that is not asked about counts too: no
    card may seem to be about it; `read` reads it, with what it points to for its code. An
    appointment is asked about itself, or else its orders are.
    """
    if len(orders) <= 1 >= len(sent):
        return tuple(orders)
    asked = {_identity(order.resource): order for order in orders}
    came = {_identity(resource): resource for resource in sent if _is_draft(resource)}
    listed = {
        identity: asked.get(identity) or read(resource) for identity, resource in came.items()
    }
    every = {**listed, **asked}
    marks = dict(zip(every, _marks(list(every.values())), strict=True))
    return tuple(
        replace(order, mark=marks[identity]) if marks[identity] else order
        for identity, order in asked.items()
    )


def _is_draft(resource: JsonObject) -> bool:
    return is_order(resource) and resource_type(resource) != "Appointment"


def _identity(resource: JsonObject) -> object:
    return read_key(resource) or id(resource)


def _marks(orders: Sequence[Order]) -> list[str]:
    """A mark for each order whose title is not its own alone; else an empty one."""
    alike: dict[str, list[int]] = {}
    for number, order in enumerate(orders):
        alike.setdefault(_as_read(order.title), []).append(number)
    marks = [""] * len(orders)
    for numbers in alike.values():
        if len(numbers) > 1:
            found = _marks_of_alike([orders[number] for number in numbers])
            for number, mark in zip(numbers, found, strict=True):
                marks[number] = mark
    return marks


def _as_read(title: str) -> str:
    """A title without what a reader overlooks: capitals, and letters that look the same."""
    return unicodedata.normalize("NFKC", title).casefold()


def _marks_of_alike(orders: Sequence[Order]) -> list[str]:
    """What differs between orders of one title: their codes, else their days, else their places."""
    for read in _DIFFERENCES:
        marks = list(map(read, orders))
        if all(marks) and len(set(map(_as_read, marks))) == len(marks):
            return marks
    return [
        f"the {_ordinal(number)} of {len(orders)} like it" for number in range(1, len(orders) + 1)
    ]


def _codes(order: Order) -> str:
    codes = ", ".join(dict.fromkeys(plain(coding.code) for coding in order.codings))
    return f"code {codes}" if _CODES.fullmatch(codes) else ""


def _day(order: Order) -> str:
    days = order.date_of_service
    return f"dated {days.first}" if days and days.first == days.last else ""


_DIFFERENCES: tuple[Callable[[Order], str], ...] = (_codes, _day)


def _ordinal(number: int) -> str:
    last = 0 if number % 100 in _TEENS else number % 10
    return f"{number}{_ENDINGS.get(last, 'th')}"
