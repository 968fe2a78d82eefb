"""Expressions for tests: a grammar of the rule language, as typed as its functions are.

Whoever hands over the random numbers decides which expression comes of them.
"""

from collections.abc import Callable, Mapping
from random import Random

from policy.language.charts_made import CODES, DATES, TIMES, WORDS

VALUE_SET = "https://sets.invalid/some|1"
PHRASES = "'PFA' | 'pulsed field'"
_DEEPEST = 4

# What stands in a path: elements of resources that hold one truth value, texts, and so on.
_SINGLE_TRUTHS = ("%order.doNotPerform", "%patient.active")
_SINGLE_TEXTS = ("%order.status", "%order.priority", "%order.code.text", "%patient.gender")
_TEXTS = (
    "%words",
    "%order.note.text",
    "%order.code.coding.code",
    "%order.code.coding.display",
    "%order.reasonCode.text",
    "%codes.code",
    "%indications.code",
    "%patient.name.given",
    "%patient.name.family",
    "%order.performer.resolve().name",
)
_CODINGS = ("%codes", "%indications", "%order.code.coding", "%order.reasonCode.coding")
_NUMBERS = ("%age", "%coverage.order", "%patient.multipleBirth.ofType(integer)")
_DATES = (
    "%dos",
    "%patient.birthDate",
    "%order.authoredOn",
    "%order.occurrence.ofType(dateTime)",
)


class Maker:
    """Makes expressions; `this` is what `$this` is where one stands, a text or a Coding.

    Plain ones leave out what fhirpathpy is known to get wrong, as far as that can be told by form.
    """

    def __init__(self, random: Random, *, is_plain: bool = False) -> None:
        self._random = random
        self._dates = DATES if is_plain else (*DATES, *TIMES)
        self.is_plain = is_plain

    def make(self) -> str:
        """An expression, most often one that yields a truth value."""
        kind = self._random.choice(("truth",) * 6 + ("text", "number", "date", "texts", "codings"))
        return self.of(kind, _DEEPEST, "")

    def of(self, kind: str, depth: int, this: str) -> str:
        """An expression of a kind, no deeper than this."""
        forms = _SIMPLE[kind] if depth <= 0 else _FORMS[kind]
        return self._random.choice(forms)(self, depth - 1, this)

    def truth(self, depth: int, this: str) -> str:
        """A truth value."""
        return self.of("truth", depth, this)

    def text(self, depth: int, this: str) -> str:
        """One text, or none."""
        return self.of("text", depth, this)

    def texts(self, depth: int, this: str) -> str:
        """Any number of texts."""
        return self.of("texts", depth, this)

    def codings(self, depth: int, this: str) -> str:
        """Any number of Codings."""
        return self.of("codings", depth, this)

    def number(self, depth: int, this: str) -> str:
        """One number, or none."""
        return self.of("number", depth, this)

    def date(self, depth: int, this: str) -> str:
        """One date, or none."""
        return self.of("date", depth, this)

    def several(self, depth: int, this: str) -> tuple[str, str]:
        """Many values, and what each of them is."""
        if self._random.random() < 0.5:
            return self.texts(depth, this), "text"
        return self.codings(depth, this), "coding"

    def choice(self, *options: str) -> str:
        """One of these."""
        return self._random.choice(options)

    def literal_text(self) -> str:
        """A text that is written out."""
        return "'" + self.choice(*WORDS, *CODES) + "'"

    def literal_number(self) -> str:
        """A number that is written out."""
        return self.choice("0", "1", "2", "2.0", "0.5", "18", "65")

    def literal_date(self) -> str:
        """A date that is written out."""
        return f"@{self.choice(*self._dates)}"


Form = Callable[[Maker, int, str], str]


def _compared_texts(maker: Maker, depth: int, this: str) -> str:
    operator = maker.choice("=", "!=", "<", ">", "<=", ">=")
    return f"({maker.text(depth, this)} {operator} {maker.text(depth, this)})"


def _compared_numbers(maker: Maker, depth: int, this: str) -> str:
    operator = maker.choice("=", "!=", "<", ">", "<=", ">=")
    return f"({maker.number(depth, this)} {operator} {maker.number(depth, this)})"


def _compared_dates(maker: Maker, depth: int, this: str) -> str:
    operator = maker.choice("=", "!=", "<", ">", "<=", ">=")
    other = maker.literal_date() if maker.is_plain else maker.date(depth, this)
    return f"({maker.date(depth, this)} {operator} {other})"


MANY = "/* many */"  # marks a comparison of several values with several


def _compared_many(maker: Maker, depth: int, this: str) -> str:
    if maker.is_plain:
        return _counted(maker, depth, this)
    operator = maker.choice("=", "!=") + MANY
    return f"({maker.texts(depth, this)} {operator} {maker.texts(depth, this)})"


def _joined_truths(maker: Maker, depth: int, this: str) -> str:
    operator = maker.choice("and", "or", "xor", "implies")
    return f"({maker.truth(depth, this)} {operator} {maker.truth(depth, this)})"


def _counted(maker: Maker, depth: int, this: str) -> str:
    several, _ = maker.several(depth, this)
    return f"{several}.{maker.choice('exists()', 'empty()')}"


def _criteria(maker: Maker, depth: int, this: str) -> str:
    several, inner = maker.several(depth, this)
    return f"{several}.{maker.choice('exists', 'all')}({maker.truth(depth, inner)})"


def _member(maker: Maker, depth: int, this: str) -> str:
    codings = maker.codings(depth, this)
    if maker.is_plain:
        codings = f"{codings}.where(system.exists() and code.exists())"
    return f"{codings}.exists(memberOf('{VALUE_SET}'))"


def _in_texts(maker: Maker, depth: int, this: str) -> str:
    if maker.choice("in", "contains") == "in":
        return f"({maker.text(depth, this)} in {maker.texts(depth, this)})"
    return f"({maker.texts(depth, this)} contains {maker.text(depth, this)})"


def _asked_text(maker: Maker, depth: int, this: str) -> str:
    name = maker.choice("startsWith", "endsWith", "contains")
    other = maker.choice("'a'", "'open'", "'06'") if maker.is_plain else maker.text(depth, this)
    return f"{maker.text(depth, this)}.{name}({other})"


def _matched(maker: Maker, depth: int, this: str) -> str:
    pattern = maker.choice("a", "^[A-Z]", "[0-9]{4}", "(o|O)pen", "^$", "d..f")
    return f"{maker.text(depth, this)}.matches('{pattern}')"


def _mentioned(maker: Maker, depth: int, this: str) -> str:
    return f"{maker.texts(depth, this)}.mentions({PHRASES}).exists()"


def _chosen(kind: str) -> Form:
    def form(maker: Maker, depth: int, this: str) -> str:
        then, otherwise = (maker.of(kind, depth, this) for _ in range(2))
        return f"iif({maker.truth(depth, this)}, {then}, {otherwise})"

    return form


def _one_of(paths: tuple[str, ...]) -> Form:
    return lambda maker, _depth, _this: maker.choice(*paths)


def _truth_of_element(maker: Maker, _depth: int, _this: str) -> str:
    element = maker.choice(*_SINGLE_TRUTHS)
    return f"({element} = true)" if maker.is_plain else element


def _picked(kind: str) -> Form:
    def form(maker: Maker, depth: int, this: str) -> str:
        picked = maker.choice("first()", "last()", "[0]", "[1]")
        many = maker.of(kind, depth, this)
        return f"({many}){picked}" if picked.startswith("[") else f"({many}).{picked}"

    return form


def _filtered(kind: str, inner: str) -> Form:
    def form(maker: Maker, depth: int, this: str) -> str:
        return f"{maker.of(kind, depth, this)}.where({maker.truth(depth, inner)})"

    return form


def _distinct(kind: str) -> Form:
    def form(maker: Maker, depth: int, this: str) -> str:
        return f"{maker.of(kind, 0 if maker.is_plain else depth, this)}.distinct()"

    return form


def _united(kind: str) -> Form:
    def form(maker: Maker, depth: int, this: str) -> str:
        if maker.is_plain:
            return f"({' | '.join(maker.choice(*_OF_ONE_MAKE[kind]).split())})"
        return f"({maker.of(kind, depth, this)} | {maker.of(kind, depth, this)})"

    return form


# What is of one make to fhirpathpy: elements, or values of variables and literals.
_OF_ONE_MAKE = {
    "text": ("'open' %words 'a'", "'0600T' '0600' '0600T'", "%order.code.text %order.status"),
    "texts": ("%words 'a'", "%order.note.text %order.code.text", "%codes.code %indications.code"),
    "codings": ("%codes %indications %codes", "%order.code.coding %order.reasonCode.coding"),
}


def _selected(maker: Maker, depth: int, this: str) -> str:
    several, inner = maker.several(depth, this)
    return f"{several}.select({maker.text(depth, inner)})"


def _this_text(maker: Maker, _depth: int, this: str) -> str:
    if this == "coding":
        return maker.choice("code", "system", "display", "$this.code")
    return "$this" if this == "text" else maker.choice(*_SINGLE_TEXTS)


def _case(maker: Maker, depth: int, this: str) -> str:
    return f"{maker.text(depth, this)}.{maker.choice('lower()', 'upper()')}"


def _added_texts(maker: Maker, depth: int, this: str) -> str:
    return f"({maker.text(depth, this)} {maker.choice('&', '+')} {maker.text(depth, this)})"


def _joined(maker: Maker, depth: int, this: str) -> str:
    separator = maker.choice("", "', '")
    return f"{maker.texts(depth, this)}.join({separator})"


def _calculated(maker: Maker, depth: int, this: str) -> str:
    operator = maker.choice("+", "-", "*", "/")
    if maker.is_plain and operator == "/":
        return f"({maker.number(depth, this)} / 0.5)"
    return f"({maker.number(depth, this)} {operator} {maker.number(depth, this)})"


def _number_of(maker: Maker, depth: int, this: str) -> str:
    several, _ = maker.several(depth, this)
    return f"{several}.count()"


def _moved(maker: Maker, depth: int, this: str) -> str:
    amount = maker.choice("1 year", "2 years", "12 months", "5 months", "2 weeks", "30 days")
    date = maker.choice("%dos", "@2024-02-29") if maker.is_plain else maker.date(depth, this)
    return f"({date} {maker.choice('+', '-')} {amount})"


def _negative(maker: Maker, depth: int, this: str) -> str:
    number = maker.literal_number() if maker.is_plain else maker.number(depth, this)
    return f"(-{number})"


_SIMPLE: Mapping[str, tuple[Form, ...]] = {
    "truth": (
        _truth_of_element,
        _one_of(("true", "false", "{}")),
        lambda maker, _depth, this: f"({_this_text(maker, 0, this)} = {maker.literal_text()})",
        lambda maker, _depth, _this: f"(%age < {maker.literal_number()})",
    ),
    "text": (
        _this_text,
        lambda maker, _depth, _this: maker.literal_text(),
        _one_of(_SINGLE_TEXTS),
    ),
    "texts": (_one_of(_TEXTS),),
    "codings": (_one_of(_CODINGS),),
    "number": (
        _one_of(_NUMBERS),
        lambda maker, _depth, _this: maker.literal_number(),
    ),
    "date": (_one_of(_DATES), lambda maker, _depth, _this: maker.literal_date()),
}
_FORMS: Mapping[str, tuple[Form, ...]] = {
    "truth": (
        *_SIMPLE["truth"],
        _compared_texts,
        _compared_numbers,
        _compared_dates,
        _compared_many,
        _joined_truths,
        _joined_truths,
        lambda maker, depth, this: f"{maker.truth(depth, this)}.not()",
        _counted,
        _criteria,
        _criteria,
        _member,
        _in_texts,
        _asked_text,
        _matched,
        _mentioned,
        _chosen("truth"),
    ),
    "text": (
        *_SIMPLE["text"],
        _picked("texts"),
        _case,
        _added_texts,
        _joined,
        _chosen("text"),
    ),
    "texts": (
        *_SIMPLE["texts"],
        _filtered("texts", "text"),
        _distinct("texts"),
        _united("texts"),
        _united("text"),
        _selected,
        lambda maker, depth, this: f"{maker.codings(depth, this)}.code",
    ),
    "codings": (
        *_SIMPLE["codings"],
        _filtered("codings", "coding"),
        _filtered("codings", "coding"),
        _distinct("codings"),
        _united("codings"),
        lambda maker, depth, this: f"{maker.codings(depth, this)}.first()",
    ),
    "number": (
        *_SIMPLE["number"],
        _calculated,
        _number_of,
        _negative,
        _chosen("number"),
    ),
    "date": (*_SIMPLE["date"], _moved, _chosen("date")),
}
