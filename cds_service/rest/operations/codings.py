"""What a call asks about: one code, one Coding, or the codings of a CodeableConcept."""

from dataclasses import dataclass

from cds_service.errors import InvalidRequest, MissingParameter
from cds_service.fhir.resource import JsonObject, objects, text
from cds_service.rest.operations.parameters import Parameters

_WAYS = ("code", "coding", "codeableConcept")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCode:
    """A code as it came: letter case, blanks inside and spelling of its system are its own."""

    system: str
    version: str
    code: str
    display: str


def read_asked(
    parameters: Parameters, *, system: str, version: str, default: str = ""
) -> tuple[AskedCode, ...]:
    """The codes that a call asks about, none for a CodeableConcept in words alone.

    `system` and `version` name the parameters that stand beside `code`; without one the system is
    `default`.

    Raises:
        MissingParameter: it asks about nothing, or about a code of no system.
        InvalidRequest: it asks in two ways.
    """
    ways = [name for name in _WAYS if name in parameters.values]
    if not ways:
        raise MissingParameter("one of `code`, `coding` and `codeableConcept` is needed")
    if len(ways) > 1:
        raise InvalidRequest(f"only one of {' and '.join(f'`{way}`' for way in ways)} may come")
    match ways[0]:
        case "code":
            return (_plain(parameters, system, version, default),)
        case "coding":
            return (_of_coding(parameters.structure("coding") or {}),)
    concept = parameters.structure("codeableConcept") or {}
    return tuple(_of_coding(coding) for coding in objects(concept.get("coding")))


def _plain(parameters: Parameters, system: str, version: str, default: str) -> AskedCode:
    return AskedCode(
        system=parameters.text(system) or default or parameters.needed(system),
        version=parameters.text(version),
        code=parameters.needed("code"),
        display=parameters.text("display"),
    )


def _of_coding(coding: JsonObject) -> AskedCode:
    return AskedCode(
        system=text(coding.get("system")),
        version=text(coding.get("version")),
        code=text(coding.get("code")),
        display=text(coding.get("display")),
    )
