"""Search: what each parameter, modifier and prefix finds (FHIR R4, search)."""

from pathlib import Path

import pytest
from fhir_api import JsonObject, fhir_client, get, ids, links, notes
from flask.testing import FlaskClient
from small_library import USAGE, insurance_plan, organization, policy, write_library

from cds_service.crd.codes import CANONICAL_BASE, PAYER_ID
from cds_service.fhir.coding import CPT
from cds_service.policy.library.artifacts import builtin_library, read_library

URL = "https://policies.example.invalid/PlanDefinition"
PROGRAM = {"code": {"system": USAGE, "code": "program"}}
OVERRIDE_REASONS = f"{CANONICAL_BASE}/CodeSystem/card-override-reason"
FOCUS = {"code": {"system": USAGE, "code": "focus"}}


def context(kind: JsonObject, system: str, code: str) -> JsonObject:
    """A use context of one coding."""
    return {**kind, "valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}


@pytest.fixture(scope="module")
def shipped() -> FlaskClient:
    """The policies that come with the service."""
    return fhir_client(read_library([builtin_library()]))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """Two versions of one policy, a draft of another payer, two payers and two plans."""
    directory = write_library(
        tmp_path_factory.mktemp("library"),
        organization("acme", name="Ácme  Health, Inc", alias=["The Acme"]),
        organization("bolt"),
        insurance_plan("gold", "511"),
        insurance_plan("silver", "11", owner="bolt", status="draft"),
        policy(
            name="old",
            url=f"{URL}/knees",
            version="1",
            title="Knees",
            date="2024-01-05",
            identifier=[{"system": "urn:numbers", "value": "K.1"}],
            useContext=[context(PROGRAM, PAYER_ID, "acme"), context(FOCUS, CPT, "0001T")],
            effectivePeriod={"start": "2024-01-01", "end": "2024-11-20"},
            library=["https://policies.example.invalid/Library/language|2"],
        ),
        policy(
            name="new",
            url=f"{URL}/knees",
            version="2",
            title="Knees and hips",
            date="2024-11-01",
            identifier=[{"system": "urn:numbers", "value": "K.1"}],
            useContext=[context(PROGRAM, PAYER_ID, "acme"), context(FOCUS, CPT, "0002T")],
            effectivePeriod={"start": "2024-11-21"},
            relatedArtifact=[
                {"type": "depends-on", "resource": "https://policies.example.invalid/ValueSet/x"},
                {"type": "composed-of", "resource": "https://policies.example.invalid/Part|1"},
            ],
        ),
        policy(
            name="draft",
            url=f"{URL}/hands/left",
            title="Élbows, and more",
            status="draft",
            useContext=[context(PROGRAM, PAYER_ID, "bolt"), context(FOCUS, CPT, "acme")],
            effectivePeriod={"start": "2025-01-01"},
        ),
    )
    return fhir_client(read_library([directory]))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "draft new old"),
        ("_id=new", "new"),
        ("_id=new,old,none", "new old"),
        ("_id=new&_id=old", ""),
        ("_id=NEW", ""),
        # uri
        (f"url={URL}/knees", "new old"),
        (f"url={URL}/knees&version=2", "new"),
        (f"url={URL}/Knees", ""),
        (f"url:below={URL}", "draft new old"),
        (f"url:below={URL}/", "draft new old"),
        (f"url:below={URL}/hand", ""),
        (f"url:below={URL}/hands/left", "draft"),
        # token
        ("identifier=K.1", "new old"),
        ("identifier=urn:numbers|k.1", "new old"),
        ("identifier=urn:numbers|", "new old"),
        ("identifier=|K.1", ""),
        ("identifier=urn:others|K.1", ""),
        ("identifier:missing=true", "draft"),
        ("identifier:missing=false", "new old"),
        ("status=active", "new old"),
        ("status=http://hl7.org/fhir/publication-status|draft", "draft"),
        ("status=draft,active", "draft new old"),
        ("status:not=active", "draft"),
        ("identifier:not=K.1", "draft"),
        (f"context={PAYER_ID}|acme", "new old"),
        (f"context={CPT}|0002t", "new"),
        ("context=http://www.ama-assn.org/go/cpt/|0002T", "new"),
        ("context=acme", "draft new old"),
        ("context-type=focus", "draft new old"),
        ("context-type=venue", ""),
        ("context-type-value=program$acme", "new old"),
        (f"context-type-value={USAGE}|program${PAYER_ID}|acme", "new old"),
        (f"context-type-value=focus${PAYER_ID}|acme", ""),
        ("context-type-value=focus$acme", "draft"),
        ("context-type-value=program$bolt,focus$0001T", "draft old"),
        # string
        ("title=knees", "new old"),
        ("title=elbows", "draft"),
        ("title=hips", ""),
        ("title:contains=HIPS", "new"),
        ("title:exact=Knees", "old"),
        ("title:exact=knees", ""),
        (r"title=elbows\, and", "draft"),
        ("title=elbows,nothing", "draft"),
        # date
        ("date=2024", "new old"),
        ("date=2024-11-01", "new"),
        ("date=eq2024-01", "old"),
        ("date=ne2024-11-01", "old"),
        ("date=gt2024-01-05", "new"),
        ("date=ge2024-11-01", "new"),
        ("date=lt2024-11-01", "old"),
        ("date=le2024-11-01", "new old"),
        ("date=sa2024-01", "new"),
        ("date=eb2024-11", "old"),
        ("date=2024-11-01T10:00:00Z", ""),
        ("date=le2024-11-01T10:00:00%2B02:00", "new old"),
        ("date:missing=true", "draft"),
        # references
        ("depends-on=https://policies.example.invalid/Library/language", "old"),
        ("depends-on=https://policies.example.invalid/Library/language|2", "old"),
        ("depends-on=https://policies.example.invalid/Library/language|3", ""),
        ("depends-on=https://policies.example.invalid/ValueSet/x", "new"),
        ("composed-of=https://policies.example.invalid/Part", "new"),
        # together
        ("status=active&title:contains=knees&date=gt2024-06", "new"),
    ],
)
def test_policies_are_found_by_what_they_are(
    client: FlaskClient, query: str, expected: str
) -> None:
    """Each parameter finds what FHIR says, and nothing is told to be ignored."""
    bundle = get(client, f"/PlanDefinition?{query}")

    assert ids(client, f"/PlanDefinition?{query}") == expected.split()
    assert bundle["total"] == len(expected.split())
    assert notes(bundle) == []


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2023-12-31", ""),
        ("2024-01-01", "old"),
        ("2024-11-20", "old"),
        ("2024-11-21", "new"),
        ("2025-01-01", "draft new"),
    ],
)
def test_the_version_in_force_on_a_day_is_found_on_its_first_and_last_day_too(
    client: FlaskClient, day: str, expected: str
) -> None:
    """`effective=le…&effective=ge…` is the search twin of the rule by which policies are chosen."""
    assert ids(client, f"/PlanDefinition?effective=le{day}&effective=ge{day}") == expected.split()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("effective=2024", "old"),
        ("effective=sa2024-11-20", "draft new"),
        ("effective=eb2024-11-21", "old"),
        ("effective=gt2024-11-20", "draft new"),
        ("effective=lt2024-11-21", "old"),
        ("effective=ne2024", "draft new"),
    ],
)
def test_periods_are_compared_as_spans(client: FlaskClient, query: str, expected: str) -> None:
    """An open end reaches beyond every day."""
    assert ids(client, f"/PlanDefinition?{query}") == expected.split()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/Organization?name=acme", "acme"),
        ("/Organization?name=acme health", "acme"),
        ("/Organization?name=the", "acme"),
        (f"/Organization?identifier={PAYER_ID}|bolt", "bolt"),
        ("/Organization?active:missing=true", "acme bolt"),
        ("/InsurancePlan?owned-by=Organization/acme", "gold"),
        ("/InsurancePlan?owned-by=acme", "gold"),
        ("/InsurancePlan?owned-by:Organization=bolt", "silver"),
        ("/InsurancePlan?owned-by=https://crd.example.invalid/fhir/Organization/bolt", "silver"),
        ("/InsurancePlan?owned-by=https://elsewhere.invalid/fhir/Organization/bolt", ""),
        ("/InsurancePlan?type=https://nahdo.org/sopt|511", "gold"),
        ("/InsurancePlan?name=SILVER&status=draft", "silver"),
        ("/Questionnaire?name=x", ""),
        ("?_type=Organization,InsurancePlan", "acme bolt gold silver"),
        ("?_id=old,gold", "gold old"),
        ("?_type=Organization,InsurancePlan&name=bolt", "bolt"),
    ],
)
def test_payers_and_plans_are_found(client: FlaskClient, path: str, expected: str) -> None:
    """Plans by their payer, however the reference to it is written; and types together."""
    assert ids(client, path) == expected.split()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/ValueSet?code=0600T", "icare-wi-pa-1266-ire-procedures"),
        (f"/ValueSet?code={CPT}|0600T", "icare-wi-pa-1266-ire-procedures"),
        (f"/ValueSet?code={CPT}|93799", ""),
        ("/ValueSet?code=http://loinc.org|0600T", ""),
        ("/ValueSet?code=|0600T", ""),
        ("/CodeSystem?code=will-appeal", "card-override-reason"),
        (f"/CodeSystem?code={OVERRIDE_REASONS}|will-appeal", "card-override-reason"),
        (f"/CodeSystem?code={CPT}|will-appeal", ""),
    ],
)
def test_a_code_is_found_in_its_code_system(shipped: FlaskClient, path: str, expected: str) -> None:
    """In sets that list it, in systems that define it; by code alone or with its system."""
    assert [name for name in ids(shipped, path) if "anthem" not in name] == expected.split()


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("date", "old new draft"),
        ("-date", "draft new old"),
        ("title", "draft old new"),
        ("-_id", "old new draft"),
        ("status,-date", "new old draft"),
        ("-status,date", "draft old new"),
    ],
)
def test_results_are_sorted(client: FlaskClient, sort: str, expected: str) -> None:
    """By several elements, up or down; of a page of them too."""
    assert ids(client, f"/PlanDefinition?_sort={sort}") == expected.split()
    assert ids(client, f"/PlanDefinition?status=active,draft&_sort={sort}") == expected.split()


def test_a_search_may_be_posted_as_a_form(client: FlaskClient) -> None:
    """With parameters in the URL, too; its link is of a GET."""
    response = client.post(
        "/fhir/PlanDefinition/_search?status=active", data={"title:exact": "Knees"}
    )
    bundle = response.get_json(force=True)

    assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["old"]
    assert links(bundle)["self"] == "/PlanDefinition?status=active&title:exact=Knees"


def test_all_types_are_searched_by_post_too(client: FlaskClient) -> None:
    """The same as by GET."""
    response = client.post("/fhir/_search", data={"_type": "Organization", "_count": "1"})
    bundle = response.get_json(force=True)

    assert bundle["total"] == 2
    assert links(bundle)["self"] == "?_type=Organization&_count=1"


@pytest.mark.parametrize(
    "query",
    [
        "status:text=active",
        "title:below=x",
        "date:exact=2024",
        "url:contains=x",
        "owned-by:Patient=x",
        "date=yesterday",
        "date=xx2024",
        "date=2024-13",
        "date=2024-01-01T25:00:00Z",
        "date=2024-01-01T",
        "context-type-value=program",
        "status:missing=perhaps",
        "_count=-1",
        "_count=many",
        "_count=1&_count=2",
        "_summary=some",
        "_summary=text&_include=InsurancePlan:owned-by",
        "_total=some",
        "_page=2",
        "_page=-5-0123456789abcdef",
        "_pretty=very",
        "_id=" + ",".join(map(str, range(201))),
        "title:contains=" + ",".join(map(str, range(21))),
        "&".join(["_id=1"] * 101),
    ],
)
def test_a_search_that_cannot_be_read_is_refused(
    client: FlaskClient, query: str, tmp_path: Path
) -> None:
    """With an OperationOutcome that names what to change, whatever handling is preferred."""
    path = "/InsurancePlan" if query.startswith("owned-by") else "/PlanDefinition"
    outcome = get(client, f"{path}?{query}", 400)

    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["code"] == "invalid"


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "title=",
        "title=,",
        "owned-by.name=acme",
        "_sort=colour",
        "_include=PlanDefinition:colour",
        "_include=Patient:x",
        "_revinclude=*",
        "_type=ValueSet",
        "_has:Patient:x=1",
        "Title=knees",
    ],
)
def test_what_is_unknown_is_ignored_and_named_or_refused_if_preferred(
    client: FlaskClient, query: str
) -> None:
    """It stands in no link, for the search did not go by it (FHIR R4, search, handling errors)."""
    path = f"/fhir/PlanDefinition?status=active&{query}"
    lenient = client.get(path).get_json(force=True)
    strict = client.get(path, headers={"Prefer": "respond-async; handling=strict"})

    assert lenient["total"] == 2
    assert len(notes(lenient)) == 1
    assert links(lenient)["self"] == "/PlanDefinition?status=active"
    assert strict.status_code == 400
    assert notes(lenient)[0].removeprefix("ignored: ") in strict.text.replace("\\u0060", "`")
