"""The shape of artifacts: what the models of fhir.resources let pass stops the start, named."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from small_library import (
    insurance_plan,
    organization,
    policy,
    rule,
    write_library,
)

from cds_service.errors import ArtifactError
from cds_service.fhir.reference import ResourceKey
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.shape import DEEPEST, ShapeChecker

JsonObject = dict[str, Any]

RULE = "$.action[0].action[0]"
TEXT = "http://hl7.org/fhir/StructureDefinition/narrativeLink"


def refusal(directory: Path, resource: JsonObject) -> ArtifactError:
    """The error that this resource stops the start with; it names the file."""
    file = write_library(directory, resource) / f"{resource['resourceType']}-{resource['id']}.json"
    with pytest.raises(ArtifactError) as caught:
        read_library([directory])

    assert caught.value.path == file
    return caught.value


def check(resource: JsonObject) -> None:
    """Pass or raise, without the models."""
    ShapeChecker().check(Path("artifact.json"), resource)


# Required codes.


class Miscoded(NamedTuple):
    """A resource with one code that its element's required binding lacks, and where."""

    name: str
    resource: JsonObject
    where: str
    code: str


def questionnaire(**item: Any) -> JsonObject:
    inner = {"linkId": "1.1", "type": "boolean", **item}
    return {
        "resourceType": "Questionnaire",
        "id": "q",
        "status": "active",
        "item": [{"linkId": "1", "type": "group", "item": [inner]}],
    }


def with_extension(**value: Any) -> JsonObject:
    return policy(extension=[{"url": "https://e.invalid/x", **value}])


MISCODED = [
    Miscoded("status in capitals", policy(status="Active"), "$.status", "Active"),
    Miscoded("status cut short", policy(status="activ"), "$.status", "activ"),
    Miscoded(
        "a datatype's code",
        organization(telecom=[{"system": "phone", "value": "1"}, {"system": "Fax", "value": "2"}]),
        "$.telecom[1].system",
        "Fax",
    ),
    Miscoded(
        "use of an identifier",
        organization(identifier=[{"use": "primary", "system": "urn:x", "value": "1"}]),
        "$.identifier[0].use",
        "primary",
    ),
    Miscoded(
        "kind of a condition",
        policy(rule(condition=[{"kind": "applicable"}])),
        f"{RULE}.condition[0].kind",
        "applicable",
    ),
    Miscoded(
        "type of a trigger",
        policy(action=[{"trigger": [{"type": "named_event", "name": "order-sign"}]}]),
        "$.action[0].trigger[0].type",
        "named_event",
    ),
    Miscoded(
        "a code in a contained resource",
        policy(contained=[{"resourceType": "Library", "id": "l", "status": "Draft"}]),
        "$.contained[0].status",
        "Draft",
    ),
    Miscoded(
        "a code in a list of codes",
        {
            "resourceType": "SearchParameter",
            "id": "s",
            "comparator": ["eq", "EQ"],
        },
        "$.comparator[1]",
        "EQ",
    ),
    Miscoded(
        "a code inside an extension's value",
        with_extension(valueIdentifier={"use": "Usual", "value": "1"}),
        "$.extension[0].valueIdentifier.use",
        "Usual",
    ),
    Miscoded(
        "comparator of a quantity, which the models do not list",
        with_extension(valueQuantity={"value": 1, "comparator": "=<"}),
        "$.extension[0].valueQuantity.comparator",
        "=<",
    ),
    Miscoded(
        "comparator of a duration, which is a quantity",
        with_extension(valueDuration={"value": 1, "comparator": "=<"}),
        "$.extension[0].valueDuration.comparator",
        "=<",
    ),
    Miscoded(
        "type of an item, of which the models list seven",
        questionnaire(type="bolean"),
        "$.item[0].item[0].type",
        "bolean",
    ),
]


@pytest.mark.parametrize("miscoded", MISCODED, ids=[miscoded.name for miscoded in MISCODED])
def test_a_code_outside_a_required_binding_stops_the_start(
    tmp_path: Path, miscoded: Miscoded
) -> None:
    """A policy whose status is `Active` is not passed over; FHIR codes are case-sensitive."""
    error = refusal(tmp_path, miscoded.resource)

    assert error.where == miscoded.where
    assert f"`{miscoded.code}` is none of the codes" in error.problem


def test_the_codes_there_are_stand_in_the_message(tmp_path: Path) -> None:
    """Who mistyped one sees which was meant."""
    error = refusal(tmp_path, policy(status="Active"))

    assert error.problem == "`Active` is none of the codes draft, active, retired, unknown"


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(
            with_extension(valueExpression={"language": "text/x-own", "expression": "x"}),
            id="Expression.language is extensible",
        ),
        pytest.param(
            {"resourceType": "CapabilityStatement", "id": "c", "format": ["application/fhir+json"]},
            id="CapabilityStatement.format takes any mime type",
        ),
        pytest.param(
            policy(language="de-CH", type={"coding": [{"code": "my-own"}]}),
            id="languages and CodeableConcepts have codes of their own",
        ),
        pytest.param(
            policy(rule(type={"coding": [{"code": "my-own"}]})),
            id="PlanDefinition.action.type is extensible",
        ),
        pytest.param(questionnaire(type="open-choice"), id="an item type the models cut off"),
        pytest.param(
            {"resourceType": "Observation", "id": "o", "status": "entered-in-error"},
            id="a status the models cut off",
        ),
    ],
)
def test_a_code_is_free_where_no_binding_is_required(resource: JsonObject) -> None:
    """Extensible and example bindings allow others, and lists that end in `+` are not whole."""
    check(resource)


# Ids.


def test_two_elements_with_one_id_stop_the_start(tmp_path: Path) -> None:
    """R4 element.id is unique within the resource, however far apart and however different."""
    topic = {"id": "order", "text": "ablation"}
    inputs = [{"id": "order", "type": "ServiceRequest"}]
    error = refusal(tmp_path, policy(rule(input=inputs), topic=[topic]))

    assert error.where == "$.topic[0].id"
    assert f"{RULE}.input[0] has the id `order` too" in error.problem


def test_ids_are_unique_across_contained_resources(tmp_path: Path) -> None:
    """What is contained is part of the resource that contains it."""
    area = {
        "resourceType": "Location",
        "id": "area",
        "identifier": [{"id": "x", "value": "1"}],
        "alias": ["A"],
    }
    plan = insurance_plan("p", alias=["P"], contact=[{"id": "x"}], contained=[area])
    error = refusal(tmp_path, plan)

    assert "`x`" in error.problem


def test_ids_of_extensions_of_a_primitive_count_too(tmp_path: Path) -> None:
    """`_title` is the rest of `title`, its id included."""
    error = refusal(tmp_path, policy(_title={"id": "t"}, _version={"id": "t"}))

    assert error.where == "$._version.id"


def test_an_element_may_have_the_id_of_a_resource() -> None:
    """Resource ids are addresses, not names of elements."""
    area = {"resourceType": "Location", "id": "area", "name": "WI"}

    check(insurance_plan("p", contained=[area], contact=[{"id": "p"}, {"id": "area"}]))


def test_a_snapshot_repeats_the_ids_of_its_differential() -> None:
    """Both list an element `Extension`; that is how every published definition looks."""
    listed = {"element": [{"id": "Extension", "path": "Extension"}]}

    check(
        {
            "resourceType": "StructureDefinition",
            "id": "x",
            "snapshot": listed,
            "differential": listed,
        }
    )


def test_resources_of_a_bundle_have_ids_of_their_own() -> None:
    """Two entries have nothing to do with each other."""
    entries = [{"resource": organization(name, contact=[{"id": "x"}])} for name in ("a", "b")]

    check({"resourceType": "Bundle", "id": "b", "type": "collection", "entry": entries})


@pytest.mark.parametrize("element_id", ["a b", " a", "a\n"])
def test_an_element_id_has_no_white_space(tmp_path: Path, element_id: str) -> None:
    """R4 element.id: any string without spaces."""
    error = refusal(tmp_path, policy(topic=[{"id": element_id, "text": "ablation"}]))

    assert error.where == "$.topic[0].id"


# What else the models let pass.


class Misshapen(NamedTuple):
    """A resource with something the models take and R4 does not, and where."""

    name: str
    resource: JsonObject
    where: str


LOCATION = {"resourceType": "Location", "id": "area", "name": "WI"}
CONDITION = (
    '{"kind":"applicability","expression":{"language":"text/fhirpath","expression":"false"}}'
)
SHAPES = [
    Misshapen(
        "an end that is a number, which would be read as no end",
        policy(effectivePeriod={"start": "2024-01-01", "end": 1704067200}),
        "$.effectivePeriod.end",
    ),
    Misshapen(
        "a condition that is a string, which would be read as no condition",
        policy(rule(condition=[*rule()["condition"], CONDITION])),
        f"{RULE}.condition[1]",
    ),
    Misshapen("a boolean in quotes", policy(experimental="true"), "$.experimental"),
    Misshapen(
        "a boolean for a number", with_extension(valueInteger=True), "$.extension[0].valueInteger"
    ),
    Misshapen("an object for a string", policy(title={"value": "x"}), "$.title"),
    Misshapen("a list of one id", policy(topic=[{"id": ["x"], "text": "y"}]), "$.topic[0].id"),
    Misshapen("one object for a list", policy(topic={"text": "x"}), "$.topic"),
    Misshapen("null for a list", policy(topic=None), "$.topic"),
    Misshapen("null", policy(description=None), "$.description"),
    Misshapen("an empty string", policy(description=""), "$.description"),
    Misshapen("an empty list", policy(topic=[]), "$.topic"),
    Misshapen("an empty object", policy(topic=[{}]), "$.topic[0]"),
    Misshapen("null for an object in a list", policy(topic=[None]), "$.topic[0]"),
    Misshapen("null in a list without extensions", organization(alias=["A", None]), "$.alias[1]"),
    Misshapen("a comment of DSTU2", policy(fhir_comments="x"), "$.fhir_comments"),
    Misshapen("the models' own spelling", policy(title__ext={"id": "t"}), "$.title__ext"),
    Misshapen(
        "a type where none is due",
        policy(topic=[{"resourceType": "Period"}]),
        "$.topic[0].resourceType",
    ),
    Misshapen(
        "an extension with value and extensions",
        with_extension(valueCode="a", extension=[{"url": "b", "valueCode": "c"}]),
        "$.extension[0]",
    ),
    Misshapen("an extension without either", with_extension(), "$.extension[0]"),
    Misshapen(
        "a contained resource of no type",
        policy(contained=[{"id": "x"}]),
        "$.contained[0].resourceType",
    ),
    Misshapen(
        "a contained resource of an unknown type",
        policy(contained=[{"resourceType": "Organisation", "id": "x"}]),
        "$.contained[0].resourceType",
    ),
    Misshapen(
        "a contained resource whose type is a number",
        policy(contained=[{"resourceType": 5, "id": "x"}]),
        "$.contained[0].resourceType",
    ),
    Misshapen(
        "a contained datatype",
        policy(contained=[{"resourceType": "Period", "id": "x"}]),
        "$.contained[0].resourceType",
    ),
    Misshapen(
        "a contained resource without id",
        insurance_plan("p", contained=[{"resourceType": "Location", "name": "WI"}]),
        "$.contained[0].id",
    ),
    Misshapen(
        "two contained resources with one id",
        insurance_plan("p", contained=[LOCATION, LOCATION]),
        "$.contained[1].id",
    ),
    Misshapen(
        "a contained resource in another",
        insurance_plan("p", contained=[{**LOCATION, "contained": [LOCATION]}]),
        "$.contained[0].contained",
    ),
    Misshapen("a datatype", {"resourceType": "Period", "id": "x"}, "$.resourceType"),
    Misshapen("an abstract type", {"resourceType": "DomainResource", "id": "x"}, "$.resourceType"),
]


@pytest.mark.parametrize("misshapen", SHAPES, ids=[misshapen.name for misshapen in SHAPES])
def test_what_r4_does_not_allow_stops_the_start(tmp_path: Path, misshapen: Misshapen) -> None:
    """A part that a reader would pass over could be a rule's condition, or a policy's end."""
    assert refusal(tmp_path, misshapen.resource).where == misshapen.where


def nested(depth: int) -> JsonObject:
    """A Questionnaire whose items nest so deep."""
    resource: JsonObject = questionnaire()
    item: JsonObject = {"linkId": "x", "type": "group"}
    for _ in range(depth - 1):
        item = {"linkId": "x", "type": "group", "item": [item]}
    return {**resource, "item": [item]}


def test_what_nests_too_deep_for_the_models_stops_the_start(tmp_path: Path) -> None:
    """It is named, in place of a traceback."""
    assert "too deep" in refusal(tmp_path, nested(DEEPEST + 1)).problem


def test_what_nests_as_deep_as_allowed_is_read(tmp_path: Path) -> None:
    """The models can follow that far."""
    library = read_library([write_library(tmp_path, nested(DEEPEST))])

    assert ResourceKey("Questionnaire", "q") in library.by_key


def test_null_fills_the_gaps_of_two_lists() -> None:
    """R4 json.html: values and their extensions stand in two lists of one length."""
    note = {"extension": [{"url": TEXT, "valueUrl": "https://e.invalid"}]}

    check(organization(alias=["A", None], _alias=[None, note]))


def test_a_name_written_twice_stops_the_start(tmp_path: Path) -> None:
    """JSON keeps one of two `condition`s: the rule would apply too widely."""
    file = tmp_path / "Organization-acme.json"
    file.write_bytes(b'{"resourceType":"Organization","id":"acme","name":"A","name":"B"}')
    with pytest.raises(ArtifactError, match="twice"):
        read_library([tmp_path])


def test_the_built_in_library_has_the_shape_of_r4() -> None:
    """Every artifact, each with the checker that has seen the others."""
    checker = ShapeChecker()
    for artifact in read_library([builtin_library()]).by_key.values():
        checker.check(artifact.path, artifact.resource)


def test_a_checker_keeps_nothing_of_one_resource_for_the_next() -> None:
    """Ids are unique within one resource only."""
    checker = ShapeChecker()
    for _ in range(2):
        checker.check(Path("artifact.json"), policy(topic=[{"id": "x", "text": "ablation"}]))
