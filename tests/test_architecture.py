"""The house keeps its floors: what may see what, and the shape of what stands in it (design: 2).

`python tests/test_architecture.py` draws the floors.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

import pytest
from house_shape import (
    LONG_FUNCTION,
    LONGEST_FUNCTION,
    LONGEST_MODULE,
    broad_catches,
    empty_names,
    missing_docstrings,
    overfull_comprehensions,
    overlong_functions,
    overlong_modules,
    too_many_long_functions,
    work_at_import,
    written_module_state,
)
from house_sources import HOUSE, Check, Source, imports, read_house
from house_words import nameless_variables, old_words

# From the roof down. Imports only go down; rooms on one floor never see each other.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("app", "warm_up"),
    ("web", "pages", "rest", "live"),
    ("pipeline", "authoring", "exchange"),
    ("policy", "ehr", "audit", "access", "members"),
    ("outbound", "database"),
    ("crd",),
    ("cds_hooks",),
    ("fhir",),
    ("settings",),
    ("errors", "version"),
)
# Two rooms have floors of their own.
FLOORS_INSIDE = {
    "crd": (("response",), ("decision",), ("request",), ("codes",)),
    "policy": (("library",), ("run",), ("language",), ("payers",), ("plans",)),
}
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}
FLOOR_INSIDE = {
    f"{outer}.{room}": number
    for outer, floors in FLOORS_INSIDE.items()
    for number, floor in enumerate(floors)
    for room in floor
}

# Libraries that belong to some rooms alone.
KEPT_IN = {
    "flask": {"web", "pages", "rest", "app"},
    "werkzeug": {"web", "pages", "rest", "app"},
    "waitress": {"web"},
    "requests": {"outbound"},
    "urllib3": {"outbound"},
    "sqlite3": {"database"},
    "sqlalchemy": {"database", "audit", "live"},
    "alembic": {"database"},
    "jwt": {"access"},
    "cryptography": {"access", "audit"},
    "prometheus_client": {"web"},
    "opentelemetry": {"web"},
    "watchfiles": {"live"},
    "fhir": {"fhir", "policy"},
}


def draw(rooms: set[str]) -> str:
    """The floors as a picture, roof first; a room with floors of its own shows them in brackets."""
    floors = [" | ".join(_label(room) for room in floor if room in rooms) for floor in FLOORS]
    standing = [floor for floor in floors if floor]
    width = max(map(len, standing), default=0) + 4
    line = f"+{'-' * width}+"
    return "\n".join([line, *(f"|{floor.center(width)}|\n{line}" for floor in standing)])


def _label(room: str) -> str:
    inside = " > ".join(" | ".join(floor) for floor in FLOORS_INSIDE.get(room, ()))
    return f"{room} ({inside})" if inside else room


def rooms_drawn(picture: str) -> set[str]:
    """The rooms a picture shows."""
    return set(re.findall(r"\w+", picture))


def upward_imports(house: Sequence[Source]) -> Iterator[str]:
    """Imports that climb, cross a floor, or hide where they lead."""
    for source in house:
        for line, name in imports(source):
            if name.startswith(".") or name in (
                "cds_service",
                "importlib",
                "importlib.import_module",
            ):
                yield source.at(line, f"`{name}` hides which room it sees")
            if name.startswith("cds_service."):
                seen = name.removeprefix("cds_service.")
                if not _is_below(seen, source.name):
                    yield source.at(line, f"{source.name} sees {seen}")


def _is_below(seen: str, seer: str) -> bool:
    """Whether one module may import another: its own room's, or one of a lower floor."""
    outer, inner = seer.split(".", maxsplit=1)[0], ".".join(seer.split(".")[:2])
    outer_seen, inner_seen = seen.split(".", maxsplit=1)[0], ".".join(seen.split(".")[:2])
    if outer != outer_seen:
        return FLOOR_OF.get(outer_seen, -1) > FLOOR_OF.get(outer, -1)
    if outer not in FLOORS_INSIDE or inner == inner_seen:
        return True
    return FLOOR_INSIDE.get(inner_seen, -1) > FLOOR_INSIDE.get(inner, -1)


def _rooms(module: str) -> tuple[str, str]:
    """The room of a module, and the one inside it: `crd` and `crd.request`."""
    parts = module.split(".")
    return parts[0], ".".join(parts[:2])


def libraries_out_of_place(house: Sequence[Source]) -> Iterator[str]:
    """Libraries imported outside the rooms that keep them."""
    for source in house:
        for line, name in imports(source):
            library = name.split(".")[0]
            if source.room not in KEPT_IN.get(library, {source.room}):
                yield source.at(line, f"{library} in {source.room}")


def undrawn_rooms(house: Sequence[Source]) -> Iterator[str]:
    """Rooms on disk that the picture of the floors does not show."""
    rooms = {source.room for source in house}
    yield from sorted(places(house) - rooms_drawn(draw(rooms)))


def places(house: Sequence[Source]) -> set[str]:
    """The rooms on disk, and those inside the two that have floors of their own."""
    inner = {source.name.split(".")[1] for source in house if source.room in FLOORS_INSIDE}
    return {source.room for source in house} | (inner - {"__init__"})


def errors_elsewhere(house: Sequence[Source]) -> Iterator[str]:
    """Exceptions that are not defined in the room for them."""
    for source in house:
        classes = [node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
        for node in classes:
            bases = " ".join(map(ast.unparse, node.bases))
            if source.room != "errors" and re.search(r"(Error|Exception|Failed)\b", bases):
                yield source.at(node.lineno, f"{node.name} belongs to `errors`")


def _long(name: str, lines: int) -> str:
    return f"def {name}():\n" + "    call()\n" * (lines - 1)


# Each check with sources it must find fault with.
CHECKS: Mapping[Check, tuple[Source, ...]] = {
    upward_imports: (
        Source("crd.cards", "from cds_service.policy.run.index import PolicyIndex"),
        Source("policy.index", "from cds_service.audit.log import AuditLog"),
        Source("policy.index", "from cds_service import audit"),
        Source("fhir.dates", "def late():\n    import cds_service.crd.request.order"),
        Source("errors", "from cds_service.settings import Settings"),
        Source("crd.cards", "from cds_service.attic import junk"),
        Source("crd.cards", "from ..web import routes"),
        Source("crd.cards", "from importlib import import_module"),
        Source("crd.cards", "import cds_service"),
    ),
    libraries_out_of_place: (
        Source("crd.cards", "import flask"),
        Source("pipeline", "from werkzeug.exceptions import NotFound"),
        Source("app", "import waitress"),
        Source("crd.chart", "import requests.adapters as http"),
        Source("policy.index", "from sqlite3 import connect"),
        Source("crd.order", "from fhir.resources.R4B.servicerequest import ServiceRequest"),
    ),
    broad_catches: (
        Source("crd.cards", "try:\n    call()\nexcept:\n    pass"),
        Source("crd.cards", "try:\n    call()\nexcept Exception:\n    pass"),
        Source(
            "crd.cards", "try:\n    call()\nexcept (ValueError, BaseException) as error:\n    pass"
        ),
        Source("crd.cards", "with contextlib.suppress(Exception):\n    call()"),
        Source("web.routes", "app.register_error_handler(Exception, our_bug)"),
        Source(
            "web.problems",
            "try:\n    try:\n        a()\n    except Exception:\n        b()\nexcept:\n    c()\n"
            "app.register_error_handler(Exception, our_bug)",
        ),
    ),
    work_at_import: (
        Source("crd.cards", "print('hello')"),
        Source("crd.cards", "for one in (1, 2):\n    call(one)"),
        Source("crd.cards", "CARDS = {}\nCARDS['one'] = 1"),
        Source("crd.cards", "TEXT = Path('cards.txt').read_text()"),
        Source("crd.cards", "HOME: str = os.environ['HOME']"),
        Source("crd.cards", "class Card:\n    print('made')"),
        Source("crd.cards", "if sys.platform == 'linux':\n    import resource"),
        Source("crd.cards", "try:\n    import orjson\nexcept ImportError:\n    pass"),
    ),
    written_module_state: (
        Source("crd.cards", "COUNT = 0\ndef count():\n    global COUNT\n    COUNT += 1"),
        Source("crd.cards", "SEEN = {}\ndef see(one):\n    SEEN[one] = True"),
        Source("crd.cards", "SEEN: list[str] = []\ndef see(one):\n    SEEN.append(one)"),
        Source(
            "crd.cards",
            "from cds_service.crd.request.hooks import HOOKS\ndef close():\n    HOOKS.clear()",
        ),
        Source("crd.cards", "import os\ndef hide():\n    del os.environ['HOME']"),
        Source("crd.cards", "import logging\ndef loud():\n    logging.root.level = 0"),
        Source("crd.cards", "class Card:\n    pass\ndef count():\n    Card.count = 1"),
    ),
    empty_names: (
        Source("crd.utils", ""),
        Source("common", ""),
        Source("helpers.cards", ""),
        Source("crd.card_manager", ""),
    ),
    missing_docstrings: (
        Source("crd.cards", "X = 1"),
        Source("crd.cards", '"""Cards."""\ndef make():\n    return 1'),
        Source("crd.cards", '"""Cards."""\nclass Card:\n    pass'),
    ),
    overlong_functions: (Source("crd.cards", _long("make", LONGEST_FUNCTION + 1)),),
    too_many_long_functions: (
        Source(
            "crd.cards",
            _long("one", LONG_FUNCTION + 1) + "".join(_long(f"f{n}", 2) for n in range(8)),
        ),
    ),
    overfull_comprehensions: (
        Source("crd.cards", "IDS = {a: {b for b in PAIRS if b[1] == a} for a in PAIRS}"),
        Source("crd.cards", "IDS = [c for a in X for b in a if b for c in b]"),
    ),
    nameless_variables: (
        Source("crd.cards", "for one in (1, 2):\n    call(one)"),
        Source("crd.cards", "IDS = [one.id for one in CARDS]"),
        Source("crd.cards", "IDS = [each.id for each in CARDS]"),
        Source("crd.cards", "IDS = {k: v for k, v in CARDS.items()}"),
        Source("crd.cards", "ORDER = sorted(CARDS, key=lambda one: one.id)"),
    ),
    old_words: (
        Source("crd.fallbacks", ""),
        Source("crd.cards", "def says_the_same(a, b):\n    return a == b"),
        Source("crd.cards", "IDS = [said.id for said in CARDS]"),
    ),
    errors_elsewhere: (
        Source("crd.cards", "class Wrong(Exception):\n    pass"),
        Source("crd.cards", "class Wrong(HookError):\n    pass"),
    ),
    overlong_modules: (Source("crd.cards", "X = 1\n" * (LONGEST_MODULE + 1)),),
    undrawn_rooms: (Source("attic.junk", ""),),
}
BAD = [
    pytest.param(check, source, id=f"{check.__name__}-{number}")
    for check, sources in CHECKS.items()
    for number, source in enumerate(sources)
]


@pytest.fixture(scope="module")
def house() -> tuple[Source, ...]:
    """The modules on disk."""
    return read_house()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_is_in_order(check: Check, house: tuple[Source, ...]) -> None:
    """No check finds a fault in the modules on disk."""
    faults = list(check(house))

    assert faults == []


@pytest.mark.parametrize(("check", "source"), BAD)
def test_every_check_can_fail(check: Check, source: Source) -> None:
    """Each check finds the fault it is there for."""
    faults = list(check([source]))

    assert faults != []


def test_the_story_is_told_in_a_hundred_lines() -> None:
    """`pipeline.py` is what a new colleague reads first."""
    assert len((HOUSE / "pipeline.py").read_text("utf-8").splitlines()) <= 100


def test_the_picture_shows_the_rooms_on_disk(house: tuple[Source, ...]) -> None:
    """What is drawn is what is there."""
    rooms = {source.room for source in house}

    assert rooms_drawn(draw(rooms)) == places(house)


def test_the_picture_shows_one_floor_a_line() -> None:
    """Rooms on one floor stand side by side, the roof on top."""
    picture = draw({"ehr", "audit", "fhir"})

    assert picture.splitlines() == [
        "+---------------+",
        "|  ehr | audit  |",
        "+---------------+",
        "|      fhir     |",
        "+---------------+",
    ]


def test_the_map_in_the_package_names_the_rooms_on_disk(house: tuple[Source, ...]) -> None:
    """The docstring of `cds_service` lists every room, and no other."""
    lines = (
        ast.get_docstring(ast.parse((HOUSE / "__init__.py").read_text("utf-8"))) or ""
    ).splitlines()
    rooms = (re.match(r"(`\w+`(, )?)*", line) for line in lines)
    mapped = [room for found in rooms if found for room in re.findall(r"\w+", found.group())]

    assert sorted(mapped) == sorted({source.room for source in house})


if __name__ == "__main__":
    print(draw({source.room for source in read_house()}))
