"""The tables of the author's guide, generated from the code that they are about."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from author_guide import GUIDE, LIBRARY, Block, guide_index, read_blocks, shown_files

from cds_service.authoring.case_runs import run_case
from cds_service.authoring.cases import read_cases
from cds_service.crd.codes import Covered, DocNeeded, DocPurpose, InfoNeeded, PaNeeded
from cds_service.crd.decision.meanings import MEANINGS
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.promised import PROMISED
from cds_service.fhir.coding import ICD_10_CM
from cds_service.fhir.resource import JsonObject, decode, encode
from cds_service.policy.language.functions import FUNCTIONS
from cds_service.policy.library.artifacts import builtin_library
from cds_service.policy.library.definitions import ELEMENTS
from cds_service.policy.library.determination_parts import NamedParts, read_parts
from cds_service.policy.library.dynamic_values import CHANGEABLE
from cds_service.policy.library.files import CASES
from cds_service.policy.run.inputs import HISTORY, OF_THE_ORDER

_CODES: Mapping[str, type[Covered | PaNeeded | DocNeeded | DocPurpose | InfoNeeded]] = {
    "covered": Covered,
    "pa-needed": PaNeeded,
    "doc-needed": DocNeeded,
    "doc-purpose": DocPurpose,
    "info-needed": InfoNeeded,
}
_OF_THE_SERVICE = ("billingCode", "coverage", "date", "coverage-assertion-id", "satisfied-pa-id")


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    written = [list(heads), *map(list, rows)]
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in written]
    return "\n".join([lines[0], "|" + "---|" * len(written[0]), *lines[1:]])


def _cell(words: str) -> str:
    return words.replace("|", r"\|")


def _lists(head: str, lists: Mapping[str, Iterable[str]]) -> str:
    """Names, each with a list."""
    rows = ((f"`{name}`", ", ".join(listed)) for name, listed in lists.items())
    return _table((head, "elements"), rows)


def functions() -> str:
    """Every function that an expression may use."""
    return _table(
        ("function", "meaning", "example", "when something is unknown"),
        (
            (
                f"`{name}({function.arguments})`",
                function.meaning,
                f"`{example(name)}`",
                function.unknown,
            )
            for name, function in sorted(FUNCTIONS.items())
        ),
    )


def example(name: str, value_set: str = "ValueSet|version", words: str = "") -> str:
    """The example of a function, about some ValueSet, and another of ordinary words."""
    named = FUNCTIONS[name].example.replace("{ValueSet}", value_set)
    return named.replace("{words}", words or value_set)


def variables() -> str:
    """The variables of every rule, as our Library resource declares them."""
    file = builtin_library() / "shared" / "Library-crd-rule-language.json"
    declared: list[JsonObject] = decode(file.read_bytes())["parameter"]
    return _table(
        ("variable", "type", "what it holds"),
        (
            (f"`%{parameter['name']}`", _type(parameter), parameter["documentation"])
            for parameter in declared
        ),
    )


def _type(parameter: JsonObject) -> str:
    return f"{parameter['type']}{', several' if parameter['max'] == '*' else ''}"


def parts() -> str:
    """The parts of a determination, as our StructureDefinition defines them."""
    file = builtin_library() / "shared" / "StructureDefinition-coverage-determination.json"
    elements: list[JsonObject] = decode(file.read_bytes())["differential"]["element"]
    by_id = {element["id"]: element for element in elements}
    return _table(("part", "how often", "value", "what it says"), _part_rows(by_id))


def _part_rows(by_id: Mapping[str, JsonObject]) -> Iterator[tuple[str, ...]]:
    for element_id, element in by_id.items():
        *holder, last = element_id.split(":")
        if not last.isalpha() and not last.replace("-", "").isalpha():
            continue
        if not holder or not holder[-1].endswith(".extension"):
            continue
        name = last if len(holder) == 1 else f"detail: {last}"
        value = by_id.get(f"{element_id}.value[x]", {})
        types = [
            f"value{kind['code'][0].upper()}{kind['code'][1:]}" for kind in value.get("type", ())
        ]
        often = f"{element.get('min', 0)}..{element['max']}"
        yield f"`{name}`", often, " or ".join(types) or "parts of its own", element["short"]


def codes() -> str:
    """The codes of a determination's parts, and what a card's headline makes of each."""
    rows = ((f"`{name}`", "; ".join(_meant(name, kind))) for name, kind in _CODES.items())
    return _table(("part", "its codes, and what the card says"), rows)


def _meant(name: str, kind: type[StrEnum]) -> Iterator[str]:
    for code in kind:
        if not refusal(name, code):
            meaning = MEANINGS[name, code]
            yield f"`{code}`: *{meaning.brief or meaning.sentence}*"


def refused() -> str:
    """The parts and codes that a policy does not state, and why."""
    rows = [(f"`{name}`", refusal(name)) for name in _OF_THE_SERVICE]
    coded = [(name, code) for name, kind in _CODES.items() for code in kind]
    rows += [(f"`{name}` = `{code}`", why) for name, code in coded if (why := refusal(name, code))]
    return _table(("not a policy's to state", "why"), rows)


def refusal(name: str, code: StrEnum | None = None) -> str:
    """Why a part, or this code in it, is not a policy's to state; empty if it is."""
    stated = {"url": name, **({"valueCode": code.value} if code else {})}
    try:
        if code is None:
            read_parts({"extension": [stated]})
        else:
            NamedParts({name: [stated]}).codes(name, type(code))  # type: ignore[type-var]
    except ValueError as error:
        return str(error).partition("not a policy's to state: ")[2]
    return ""


def history() -> str:
    """What an input may ask for besides the order."""
    of_patient = [
        (f"`{kind}`", f"`{path}`", "the patient's, all of them")
        for kind, path in sorted(HISTORY.items())
    ]
    of_order = [(f"`{kind}`", "", "those that the order names") for kind in OF_THE_ORDER]
    return _table(("`type`", "where its code is", "which ones"), (*of_patient, *of_order))


def promised() -> str:
    """The elements of each resource that a rule may read."""
    elements = {kind: sorted(".".join(path) for path in PROMISED[kind]) for kind in PROMISED}
    return _lists("resource", elements)


def definable() -> str:
    """What an ActivityDefinition writes in an order."""
    return _lists("`kind`", ELEMENTS)


def changeable() -> str:
    """What a `dynamicValue` may set."""
    return _lists("resource", CHANGEABLE)


def hooks() -> str:
    """The hooks that a policy may answer."""
    return _table(
        ("hook", "about", "kind"),
        (
            (
                f"`{name}`",
                hook.about,
                "primary: always answered" if hook.primary else "early: only if a policy speaks",
            )
            for name, hook in HOOKS.items()
        ),
    )


def three_values() -> str:
    """What the guide's pair of rules comes to, for reasons written in several ways."""
    with TemporaryDirectory() as directory:
        rows = list(_reason_rows(Path(directory), read_blocks(GUIDE.read_text())))
    return _table(("the order is for", "`…exists()`", "`…empty()`", "the pair answers"), rows)


def _reason_rows(directory: Path, blocks: list[Block]) -> Iterator[tuple[str, ...]]:
    index = guide_index(directory, blocks)
    files = shown_files(blocks, LIBRARY)
    (written,) = (decode(text.encode()) for path, text in files.items() if path.endswith(CASES))
    pattern = written["cases"][0]
    code = {"code": pattern["order"]["code"]}
    besides = {"chart": _CHART, "unreadable": [_UNREADABLE]}
    cases = [
        {**pattern, "name": name, "order": {**code, **reason}, **besides}
        for name, reason in _REASONS.items()
    ]
    file = directory / CASES
    file.write_bytes(encode({**written, "cases": cases}))
    for case in (case for case in read_cases(directory) if case.file == file):
        (answer,) = run_case(case, index).answers
        (determination,) = answer.determinations
        has, has_not = (trace.conditions[-1].value for trace in answer.traces)
        yield case.name, has, has_not, f"`{determination.covered.value}`"


def _reason(*codings: JsonObject, words: str = "") -> JsonObject:
    return {**({"coding": list(codings)} if codings else {}), **({"text": words} if words else {})}


_LISTED = {"system": ICD_10_CM, "code": "E11.621"}
_OTHER = {"system": ICD_10_CM, "code": "G35"}
_SNOMED = {"system": "http://snomed.info/sct", "code": "371087003"}
_CHART = [
    {
        "resourceType": "Condition",
        "id": "ulcer",
        "subject": {"reference": "Patient/member"},
        "code": _reason(_LISTED),
    }
]
_UNREADABLE = "Condition/unreadable"
_REASONS: Mapping[str, JsonObject] = {
    "E11.621": {"reasonCode": [_reason(_LISTED)]},
    "E11.621, in a Condition that is referred to": {
        "reasonReference": [{"reference": "Condition/ulcer"}]
    },
    "G35, and E11.621": {"reasonCode": [_reason(_OTHER), _reason(_LISTED)]},
    "G35": {"reasonCode": [_reason(_OTHER)]},
    "G35, with a code of SNOMED CT for the same": {"reasonCode": [_reason(_OTHER, _SNOMED)]},
    "G35, and something coded in SNOMED CT only": {
        "reasonCode": [_reason(_OTHER), _reason(_SNOMED)]
    },
    "something coded in SNOMED CT only": {"reasonCode": [_reason(_SNOMED)]},
    "something in words only": {"reasonCode": [_reason(words="foot ulcer")]},
    "a Condition that is not there": {"reasonReference": [{"reference": "Condition/gone"}]},
    "a Condition that could not be read": {"reasonReference": [{"reference": _UNREADABLE}]},
    "nothing that it states": {},
}
TABLES: Mapping[str, Callable[[], str]] = {
    "functions": functions,
    "variables": variables,
    "parts": parts,
    "codes": codes,
    "refused": refused,
    "history": history,
    "promised": promised,
    "definable": definable,
    "changeable": changeable,
    "hooks": hooks,
    "three-values": three_values,
}
