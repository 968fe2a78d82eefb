"""A part of a library: whole enough to be served, and never saying more than the whole."""

from pathlib import Path

import pytest

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.errors import ExchangeError
from cds_service.exchange.outgoing.packaging import Packages
from cds_service.exchange.selection import select
from cds_service.fhir.reference import ResourceKey
from cds_service.policy.library.artifacts import Library, builtin_library, read_library
from cds_service.policy.library.compiler import compile_library

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
WHOLE = read_library([builtin_library(), EXAMPLES])
POLICIES = sorted(key.id for key in WHOLE.by_key if key.type == "PlanDefinition")
PAYERS = sorted(key.id for key in WHOLE.by_key if key.type == "Organization")


def ids(library: Library, kind: str) -> set[str]:
    """The ids of one type."""
    return {key.id for key in library.by_key if key.type == kind}


def test_without_a_choice_it_is_the_whole_library() -> None:
    """The same object."""
    assert select(WHOLE, [], []) is WHOLE


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_comes_with_all_that_its_compilation_needs(policy: str) -> None:
    """It determines by itself what it determines in the whole library."""
    chosen = select(WHOLE, [], [policy])
    alone, among_all = (
        [rule for rule in compile_library(library, base_url="").rules if rule.policy.id == policy]
        for library in (chosen, WHOLE)
    )

    assert [rule.determination for rule in alone] == [rule.determination for rule in among_all]
    assert alone
    assert [rule.policy.end for rule in alone] == [rule.policy.end for rule in among_all]
    assert [rule.by_key for rule in alone] == [rule.by_key for rule in among_all]


def test_a_version_never_leaves_without_its_successor() -> None:
    """Else it would be in force for ever where it arrives."""
    chosen = select(WHOLE, [], ["northland-laac-20240101"])
    assert ids(chosen, "PlanDefinition") == {"northland-laac-20240101", "northland-laac-20250101"}


@pytest.mark.parametrize("payer", PAYERS)
def test_a_payer_comes_with_all_its_plans_and_policies_and_no_other_payer(payer: str) -> None:
    """Which plan a member has hangs on what other plans there are."""
    chosen = select(WHOLE, [payer], [])
    owned = {
        artifact.resource["id"]
        for artifact in WHOLE.of_type("InsurancePlan")
        if artifact.resource["ownedBy"]["reference"] == f"Organization/{payer}"
    }
    rules = compile_library(WHOLE, base_url="").rules
    policies = {rule.policy.id for rule in rules if rule.policy.payer_id == payer}

    assert ids(chosen, "Organization") == {payer}
    assert ids(chosen, "InsurancePlan") == owned
    assert ids(chosen, "PlanDefinition") == policies


def test_what_is_chosen_brings_forms_other_orders_and_what_the_service_itself_needs() -> None:
    """Questionnaires, ActivityDefinitions, extensions, the rule language, the cards' reasons."""
    chosen = select(WHOLE, ["example-lakeside"], [])

    assert ids(chosen, "Questionnaire") == {"lakeside-disc-request"}
    assert ids(chosen, "ActivityDefinition") == {"lakeside-cervical-mri"}
    assert "coverage-determination" in ids(chosen, "StructureDefinition")
    assert ids(chosen, "Library") == {"crd-rule-language"}
    assert "card-override-reason" in ids(chosen, "CodeSystem")
    assert {"payer-id", "plan-id"} <= ids(chosen, "NamingSystem")
    assert f"{CANONICAL_BASE}/Library/crd-rule-language|1.0.0" in chosen.by_canonical
    assert not any("icare" in canonical for canonical in chosen.by_canonical)


def test_an_unknown_payer_or_policy_is_refused_with_those_that_there_are() -> None:
    """Nobody has to guess twice."""
    with pytest.raises(ExchangeError) as payer:
        select(WHOLE, ["icare", "ikare"], [])
    with pytest.raises(ExchangeError) as policy:
        select(WHOLE, [], ["WI.PA-1266"])

    assert f"{payer.value}" == (
        "--payer ikare: the library has no such payer; it has anthem, example-lakeside, "
        "example-midvale, example-northland, icare"
    )
    assert "icare-wi-pa-1266-20241008" in f"{policy.value}"


def test_a_package_of_a_policy_begins_with_a_manifest_about_it() -> None:
    """CRMI: the policy is what it is composed of, the rest what that depends on."""
    key = ResourceKey("PlanDefinition", "icare-wi-pa-1266-20241008")
    bundle = Packages(WHOLE).of(WHOLE.by_key[key].resource)
    manifest, *others = (entry["resource"] for entry in bundle["entry"])
    named = {
        kind: [item["resource"] for item in manifest["relatedArtifact"] if item["type"] == kind]
        for kind in ("composed-of", "depends-on")
    }

    assert bundle["type"] == "collection"
    assert manifest["type"]["coding"][0]["code"] == "asset-collection"
    assert named["composed-of"] == [f"{CANONICAL_BASE}/PlanDefinition/icare-wi-pa-1266|2024.10.8"]
    assert (
        f"{CANONICAL_BASE}/ValueSet/icare-wi-pa-1266-ire-procedures|2024.10.8"
        in named["depends-on"]
    )
    assert f"{CANONICAL_BASE}/Organization/icare" in named["depends-on"]
    assert "http://www.ama-assn.org/go/cpt|2024" in named["depends-on"]
    assert WHOLE.by_key[key].resource in others
    assert all("anthem" not in entry["fullUrl"] for entry in bundle["entry"])
