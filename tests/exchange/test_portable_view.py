"""What travels in the portable view, in which shape, and what is left out with which reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from proposal_library import SMALLER, addition, definition, form, questionnaire, replacement
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    NOT_COVERED,
    insurance_plan,
    organization,
    part,
    policy,
    reason,
    rule,
    write_library,
)

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.exchange.portable.view import PortableView, portable_view
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library

JsonObject = dict[str, Any]


def view_of(directory: Path, *resources: JsonObject) -> PortableView:
    """The view of a small library of the payer `acme`."""
    library = read_library([write_library(directory / "library", organization(), *resources)])
    return portable_view(library, compile_library(library, base_url="https://crd.example.invalid"))


@pytest.fixture(scope="module")
def builtin() -> PortableView:
    """The view of the built-in library."""
    library = read_library([builtin_library()])
    return portable_view(library, compile_library(library, base_url="https://crd.example.invalid"))


def plans(view: PortableView) -> list[JsonObject]:
    """Its PlanDefinitions."""
    return [kind for kind in view.resources if kind["resourceType"] == "PlanDefinition"]


def all_actions(actions: list[JsonObject]) -> Iterator[JsonObject]:
    """Actions and those below them."""
    for action in actions:
        yield action
        yield from all_actions(action.get("action", []))


def expressions(plan: JsonObject) -> str:
    """All that its first action tests."""
    return " ".join(test["expression"]["expression"] for test in plan["action"][0]["condition"])


def reasons(view: PortableView) -> dict[str, str]:
    """What is left out, with the reason."""
    return {left.rule: left.why for left in view.left_out}


def test_both_policies_of_ours_travel_where_a_code_and_a_plan_decide(builtin: PortableView) -> None:
    """iCare's two codes, and Anthem's fifteen for the two kinds of commercial members."""
    named = [plan["action"][0]["id"] for plan in plans(builtin)]

    assert {name: named.count(name) for name in named} == {
        "ire-any-indication": 2,
        "ire-listed-code": 15,
        "ca-hmo-do-not-decide": 15,
    }


def test_rules_that_read_words_are_left_out_by_id_and_reason(builtin: PortableView) -> None:
    """93799 is decided by what the order says in words, which no such server can read safely."""
    left = reasons(builtin)

    for name in ("unlisted-93799-specified", "unlisted-93799-unspecified"):
        assert "what the order says in words" in left[f"anthem-surg-00126-20240401#{name}"]


def test_every_rule_travels_or_is_named(builtin: PortableView) -> None:
    """Whoever loads the view knows what is not in it."""
    rules = {
        f"{plan['id']}#{action['id']}"
        for plan in (
            artifact.resource for artifact in read_library([builtin_library()]).by_key.values()
        )
        if plan["resourceType"] == "PlanDefinition"
        for action in plan["action"][0]["action"]
    }
    travels = {plan["action"][0]["id"] for plan in plans(builtin)}
    left = " ".join(reasons(builtin))

    assert all(name in left or name.partition("#")[2] in travels for name in rules)


def test_the_view_is_valid_r4_and_every_id_is_its_own(builtin: PortableView) -> None:
    """As servers demand it on loading."""
    for resource in builtin.resources:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    ids = [(resource["resourceType"], resource["id"]) for resource in builtin.resources]

    assert len(set(ids)) == len(ids)
    assert all(len(name) <= 64 for _, name in ids)


def test_no_action_is_without_condition_or_without_input(builtin: PortableView) -> None:
    """An engine that cannot evaluate ends with nothing, never with an unconditioned action."""
    actions = [action for plan in plans(builtin) for action in all_actions(plan["action"])]

    assert actions
    assert all(len(action["condition"]) == 4 for action in actions)
    assert all(action["input"][0]["codeFilter"] for action in actions)


def test_a_value_set_has_one_code_and_its_expansion(builtin: PortableView) -> None:
    """Engines look for resources with every code of a filter's expansion."""
    sets = [kind for kind in builtin.resources if kind["resourceType"] == "ValueSet"]

    assert len(sets) == len(plans(builtin))
    assert all(len(value_set["expansion"]["contains"]) == 1 for value_set in sets)


def test_payer_and_code_stand_where_br_payer_looks(builtin: PortableView) -> None:
    """`program` has the payer's identifiers, `focus` the code; nothing refers elsewhere."""
    found = {
        (context["code"]["code"], coding["code"])
        for plan in plans(builtin)
        if plan["id"].startswith("icare")
        for context in plan["useContext"]
        for coding in context["valueCodeableConcept"]["coding"]
    }

    assert found == {("program", "icare"), ("focus", "0600T"), ("focus", "0601T")}


def test_the_extension_is_static_and_without_what_only_run_time_knows(
    builtin: PortableView,
) -> None:
    """Coverage, date and assertion id are for the server that answers."""
    for plan in plans(builtin):
        parts = [inside["url"] for inside in plan["action"][0]["extension"][0]["extension"]]
        assert "covered" in parts
        assert not {"coverage", "date", "coverage-assertion-id"} & set(parts)
        assert "/policies/" not in str(plan["action"])


def test_the_notice_of_cpt_is_kept(builtin: PortableView) -> None:
    """In the artifact and in its narrative."""
    for resource in builtin.resources:
        assert "American Medical Association" in resource["copyright"]
        assert "American Medical Association" in resource["text"]["div"]


def test_the_same_library_gives_the_same_view(builtin: PortableView) -> None:
    """Byte for byte, in the same order."""
    library = read_library([builtin_library()])
    again = portable_view(library, compile_library(library, base_url="https://other.invalid"))

    assert again == builtin


def test_versions_answer_for_their_own_days_only(tmp_path: Path) -> None:
    """Such engines heed no effectivePeriod: the days are conditions, also the computed end."""
    url = "https://acme.invalid/PlanDefinition/acme"
    view = view_of(
        tmp_path,
        policy(name="old", url=url, version="1", start="2024-01-01"),
        policy(name="new", url=url, version="2", start="2025-01-01"),
    )
    old, new = sorted(plans(view), key=lambda plan: str(plan["effectivePeriod"]["start"]))

    assert old["effectivePeriod"] == {"start": "2024-01-01", "end": "2024-12-31"}
    assert ">= @2024-01-01" in expressions(old)
    assert "<= @2024-12-31" in expressions(old)
    assert ">= @2025-01-01" in expressions(new)
    assert "end" not in new["effectivePeriod"]


def test_what_expires_is_not_promised_beyond(tmp_path: Path) -> None:
    """A determination's expiry date ends what its rule says."""
    determination = (*AUTHORIZATION_NEEDED, {"url": "expiry-date", "valueDate": "2026-06-30"})
    (plan,) = plans(view_of(tmp_path, policy(rule(determination=determination))))

    assert "<= @2026-06-30" in expressions(plan)


def test_a_draft_is_named_as_left_out(tmp_path: Path) -> None:
    """It is no policy yet."""
    view = view_of(tmp_path, policy(), policy(name="next", status="draft"))

    assert reasons(view) == {"next": "its status is draft"}


READS_MORE = {
    "age": ("%age >= 18", "the member's age"),
    "indications": ("%indications.exists()", "what the order is for"),
    "words": ("%words.exists()", "what the order says in words"),
    "the order": ("%order.intent = 'order'", "what else the order says"),
    "the patient": ("%patient.gender = 'female'", "who the patient is"),
    "the day": ("%dos >= @2025-01-01", "which day the service is on"),
    "a denial": ("%order.encounter.empty()", "what else the order says"),
}


@pytest.mark.parametrize(("condition", "words"), READS_MORE.values(), ids=READS_MORE)
def test_a_rule_that_reads_more_takes_its_looser_sibling_with_it(
    condition: str, words: str, tmp_path: Path
) -> None:
    """The refusal cannot travel, so that which covers the same code must not either."""
    strict = rule("strict", conditions=("%order.exists()", condition), determination=NOT_COVERED)
    loose = rule("loose", determination=COVERED_WITHOUT_AUTHORIZATION)
    view = view_of(tmp_path, policy(strict, loose))

    assert plans(view) == []
    assert words in reasons(view)["acme-1#strict"]
    assert "acme-1#strict may speak of the same order" in reasons(view)["acme-1#loose"]


def test_a_rule_of_another_code_stays(tmp_path: Path) -> None:
    """Only what the left out rule could claim goes with it."""
    strict = rule("strict", codes=("0001T",), conditions=("%age < 18",))
    loose = rule("loose", codes=("0001T", "0002T"), determination=COVERED_WITHOUT_AUTHORIZATION)
    view = view_of(tmp_path, policy(strict, loose))

    assert [plan["useContext"][1]["valueCodeableConcept"]["coding"] for plan in plans(view)] == [
        [{"system": "http://www.ama-assn.org/go/cpt", "code": "0002T"}]
    ]
    assert "acme-1#loose (0001T)" in reasons(view)


def test_two_policies_on_one_code_are_both_left_out(tmp_path: Path) -> None:
    """We combine them and the stricter wins; such a server would give both."""
    view = view_of(
        tmp_path,
        policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION)),
        policy(rule(determination=NOT_COVERED), name="acme-2"),
    )

    assert plans(view) == []
    assert all("no such server combines answers" in why for why in reasons(view).values())


def test_a_choice_of_policies_heeds_those_that_stay(tmp_path: Path) -> None:
    """Exported alone, a policy must not promise what another one refuses."""
    covers = policy(rule(determination=COVERED_WITHOUT_AUTHORIZATION))
    refuses = policy(rule(conditions=("%age < 18",)), name="acme-2")
    directory = write_library(tmp_path / "library", organization(), covers, refuses)
    library = read_library([directory])
    index = compile_library(library, base_url="https://crd.example.invalid")
    view = portable_view(library, index, ["acme-1"])

    assert view.resources == ()
    assert list(reasons(view)) == ["acme-1#rule-1"]


def test_a_code_system_under_our_base_is_known_under_any_base(tmp_path: Path) -> None:
    """An export may put another base in its place."""
    own = {"system": f"{CANONICAL_BASE}/CodeSystem/Words", "code": "word"}
    filtered = [{"type": "ServiceRequest", "codeFilter": [{"path": "code", "code": [own]}]}]
    (plan,) = plans(view_of(tmp_path, policy({**rule(), "input": filtered})))

    assert "PositionOf('/codesystem/words', Lower(T.system)) = -1" in expressions(plan)


def test_a_policy_of_one_plan_asks_for_that_plan(tmp_path: Path) -> None:
    """A Coverage of another type, or of none, gets no answer."""
    view = view_of(
        tmp_path,
        insurance_plan("gold", "512"),
        insurance_plan("silver", "513"),
        policy(lines=("InsurancePlan/gold",)),
    )
    (plan,) = plans(view)

    assert "T.code in {'512'}" in expressions(plan)
    assert "'513'" not in expressions(plan).partition("C.class")[0]
    assert "K.value in {'gold'}" in expressions(plan)
    assert "K.value in {'silver'}" not in expressions(plan)


def test_plans_that_one_type_cannot_tell_apart_are_told_by_name_only(tmp_path: Path) -> None:
    """A type that two plans share says nothing of either."""
    view = view_of(
        tmp_path,
        insurance_plan("gold", "512"),
        insurance_plan("silver", "512"),
        policy(lines=("InsurancePlan/gold",)),
    )
    (plan,) = plans(view)

    assert "K.value in {'gold'}" in expressions(plan)
    assert expressions(plan).count("(T.code in {'group'") == 1


def test_plans_that_nothing_tells_apart_leave_the_rule_out(tmp_path: Path) -> None:
    """Never a refusal, and never a promise, for members of another line of business."""
    gold, silver = insurance_plan("gold", "512"), insurance_plan("silver", "512")
    del gold["identifier"]
    view = view_of(tmp_path, gold, silver, policy(lines=("InsurancePlan/gold",)))

    assert plans(view) == []
    assert "the member's plan" in reasons(view)["acme-1#rule-1"]


def test_a_rule_for_every_order_is_left_out_and_silences_the_others(tmp_path: Path) -> None:
    """A filter needs codes; and what it would refuse must not be covered there."""
    refuses = rule("refuses-all", codes=(), determination=NOT_COVERED)
    covers = rule("covers", determination=COVERED_WITHOUT_AUTHORIZATION)
    view = view_of(tmp_path, policy(refuses), policy(covers, name="acme-2"))

    assert plans(view) == []
    assert "a filter needs codes" in reasons(view)["acme-1#refuses-all"]


def test_a_type_without_a_search_by_code_is_left_out(tmp_path: Path) -> None:
    """A diet cannot be found by its code."""
    view = view_of(tmp_path, policy(rule(kind="NutritionOrder", codes=("0001T",))))

    assert reasons(view) == {"acme-1#rule-1": "a NutritionOrder cannot be searched by its code"}


@pytest.mark.parametrize("kind", ["ServiceRequest", "DeviceRequest", "MedicationRequest"])
def test_orders_that_can_be_found_by_code_travel(kind: str, tmp_path: Path) -> None:
    """Each asks for its code where its type keeps it."""
    (plan,) = plans(view_of(tmp_path, policy(rule(kind=kind))))

    assert plan["action"][0]["input"][0]["type"] == kind
    assert ("medication as FHIR.CodeableConcept" in expressions(plan)) is (
        kind == "MedicationRequest"
    )


def test_early_hooks_ask_for_no_documents(tmp_path: Path) -> None:
    """Our own answer on order-select has none either (CRD hook-19), so that hook stays behind."""
    documents = (
        *AUTHORIZATION_NEEDED,
        part("doc-needed", "clinical"),
        part("doc-purpose", "withclaim"),
        reason(),
    )
    hooks = ("order-sign", "order-select", "appointment-book")
    (plan,) = plans(view_of(tmp_path, policy(rule(determination=documents), hooks=hooks)))
    (other,) = plans(view_of(tmp_path / "2", policy(hooks=hooks)))

    assert [trigger["name"] for trigger in plan["action"][0]["trigger"]] == ["order-sign"]
    assert [trigger["name"] for trigger in other["action"][0]["trigger"]] == [
        "order-sign",
        "order-select",
    ]


def test_an_order_or_a_form_besides_is_proposed_there_too(tmp_path: Path) -> None:
    """With its definition, and under the same conditions as the rule."""
    proposing = rule(action=[addition("more", "smaller"), form("fill-in")])
    view = view_of(
        tmp_path, definition("smaller", code=SMALLER), questionnaire(), policy(proposing)
    )
    (plan,) = plans(view)
    inside = plan["action"][0]["action"]

    assert {kind["resourceType"] for kind in view.resources} == {
        *("PlanDefinition", "ValueSet", "ActivityDefinition", "Questionnaire")
    }
    assert [action["id"] for action in inside] == ["more", "fill-in"]
    assert [action["input"][0]["id"] for action in inside] == ["order2", "order3"]
    assert all(len(action["condition"]) == 4 for action in inside)
    assert "%order2.code" in str(inside[0]["condition"])


def test_a_proposal_that_changes_the_order_stays_and_is_named(tmp_path: Path) -> None:
    """$apply makes resources and changes none; the rule itself travels."""
    view = view_of(
        tmp_path,
        definition("smaller", code=SMALLER),
        policy(rule(action=[replacement("instead", "smaller")])),
    )

    assert len(plans(view)) == 1
    assert "changes nothing" in reasons(view)["acme-1#rule-1, proposal instead"]
