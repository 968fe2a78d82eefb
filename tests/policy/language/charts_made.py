"""Charts for expressions: the variables as a call binds them, whole or with parts unread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cds_service.policy.language.collection import Collection, Open, unknown

A_SYSTEM, B_SYSTEM = "https://codes.invalid/a", "https://codes.invalid/b"
CODES = ("a1", "a2", "0600T", "0600", "93799", "b1")
WORDS = ("Pulsed field", "open", "OPEN repair", "", "ä 🩺", "a", "draft", "no PFA", "PFA", "1")
DATES = (
    "2023",
    "2024",
    "2024-02",
    "2024-03",
    "2024-02-29",
    "2024-03-01",
    "2025-02-28",
    "1974-12-25",
)
TIMES = (
    "2024-02-29T23:30:00Z",
    "2024-03-01T00:30:00+01:00",
    "2024-03-01T00:30:00.500+01:00",
    "2024-02-29T18:30:00-05:00",
)
_LONGEST = 3


@dataclass(frozen=True, slots=True)
class Chart:
    """What the variables hold, and the resources behind references; a scope of expressions."""

    variables: Mapping[str, Collection]
    referred: Mapping[str, Collection] = field(default_factory=dict)
    read: dict[str, Collection] = field(default_factory=dict)

    def variable(self, name: str) -> Collection:
        """The value of a variable."""
        return self.variables.get(name, ())

    def resolve(self, reference: Any, _within: Any) -> Collection:
        """The resource that a Reference leads to."""
        return self.referred.get(reference["reference"], unknown("it could not be read"))

    def note(self, path: str, values: Collection) -> None:
        """What was read."""
        self.read[path] = values

    def once(self, _key: object, compute: Callable[[], Collection]) -> Collection:
        """What is computed, every time."""
        return compute()


def make_chart(random: Random, *, is_plain: bool = False) -> Chart:
    """A chart of which everything is known; a plain one has days without times."""
    dates = DATES if is_plain else (*DATES, *TIMES)
    organizations = {
        f"Organization/{number}": (_organization(random, number),) for number in range(_LONGEST)
    }
    variables = {
        "order": (_order(random, dates),),
        "codes": _several(random, _coding),
        "words": _several(random, lambda chooser: chooser.choice(WORDS)),
        "indications": _several(random, _coding),
        "coverage": (_coverage(random),),
        "patient": (_patient(random),),
        "plan": random.choice([(), ({"resourceType": "InsurancePlan", "name": "Gold"},)]),
        "dos": (random.choice(DATES[4:]),),
        "age": (random.randrange(90),),
    }
    return Chart(variables, organizations)


def unread(random: Random, chart: Chart) -> Chart:
    """The same chart with parts of it unread."""
    return Chart(
        {name: _unread(random, values) for name, values in chart.variables.items()},
        {name: _unread(random, values) for name, values in chart.referred.items()},
    )


def _unread(random: Random, values: Collection) -> Collection:
    if random.random() < 0.7:
        return values
    return Open([value for value in values if random.random() < 0.5], ["it could not be read"])


def _several(random: Random, make: Callable[[Random], Any]) -> Collection:
    return tuple([make(random) for _ in range(random.randrange(_LONGEST + 1))])


def _maybe(random: Random, **elements: Any) -> dict[str, Any]:
    """Some of these elements."""
    return {name: value for name, value in elements.items() if random.random() < 0.75}


def _coding(random: Random) -> dict[str, Any]:
    return _maybe(
        random,
        system=random.choice([A_SYSTEM, B_SYSTEM]),
        code=random.choice(CODES),
        display=random.choice(WORDS),
    )


def _concept(random: Random) -> dict[str, Any]:
    codings = list(_several(random, _coding))
    return {**({"coding": codings} if codings else {}), **_maybe(random, text=random.choice(WORDS))}


def _order(random: Random, dates: tuple[str, ...]) -> dict[str, Any]:
    notes = [{"text": random.choice(WORDS)} for _ in range(random.randrange(_LONGEST))]
    performers = [
        {"reference": f"Organization/{number}"} for number in range(random.randrange(_LONGEST))
    ]
    return {
        "resourceType": "ServiceRequest",
        **_maybe(
            random,
            status=random.choice(["draft", "active"]),
            priority=random.choice(["routine", "urgent"]),
            doNotPerform=random.choice([True, False]),
            code=_concept(random),
            reasonCode=[_concept(random) for _ in range(random.randrange(1, _LONGEST))],
            authoredOn=random.choice(dates),
            occurrenceDateTime=random.choice(dates),
            note=notes,
            performer=performers,
        ),
    }


def _patient(random: Random) -> dict[str, Any]:
    names = [
        _maybe(random, family=random.choice(WORDS), given=[random.choice(WORDS), "James"])
        for _ in range(random.randrange(_LONGEST))
    ]
    return {
        "resourceType": "Patient",
        **_maybe(
            random,
            active=random.choice([True, False]),
            gender=random.choice(["female", "male"]),
            birthDate=random.choice(DATES),
            multipleBirthInteger=random.randrange(4),
            name=names,
        ),
    }


def _coverage(random: Random) -> dict[str, Any]:
    return {
        "resourceType": "Coverage",
        **_maybe(random, status=random.choice(["active", "draft"]), order=random.randrange(4)),
    }


def _organization(random: Random, number: int) -> dict[str, Any]:
    return {
        "resourceType": "Organization",
        "id": str(number),
        **_maybe(random, name=random.choice(WORDS), active=random.choice([True, False])),
    }
