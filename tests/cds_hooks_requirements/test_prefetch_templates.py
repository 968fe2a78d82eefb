"""CDS Hooks, Prefetch tokens and Prefetch query restrictions: each template that discovery lists.

2.0 knows tokens that are one field of the context; FHIRPath, and reading an earlier key, are 3.0's
and the guide's own standard expressions. Both are checked, each by its own grammar.
"""

import re
from collections.abc import Mapping

import pytest
from every_hook import HOOK_NAMES
from prefetch_grammar import (
    FIELDS,
    USER,
    Template,
    has_stray_braces,
    is_of_2_0,
    is_resource_type,
    path_problems,
    query_problems,
)
from wire import Wire, open_wire

# The keys of each hook that no 2.0 token can ask for; the guide has the expressions.
BEYOND_2_0: Mapping[str, set[str]] = {
    "order-sign": {"payers", "devices", "medications"},
    "order-select": {"payers", "devices", "medications"},
    "order-dispatch": {
        "payers",
        "communicationRequests",
        "deviceRequests",
        "medicationRequests",
        "nutritionOrders",
        "serviceRequests",
        "visionPrescriptions",
        "devices",
        "medications",
    },
    "appointment-book": {
        "payers",
        "deviceRequests",
        "serviceRequests",
        "medicationRequests",
        "devices",
        "medications",
    },
    "encounter-start": {"payers"},
    "encounter-discharge": {"payers"},
}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library")


def templates_of(wire: Wire) -> list[Template]:
    """Every template of every service, those of each in the order of discovery."""
    found = [
        Template(service["hook"], key, query)
        for service in wire.services()
        for key, query in service["prefetch"].items()
    ]
    assert {template.hook for template in found} == set(HOOK_NAMES)
    # What a policy reads of a patient's history is asked for too.
    assert {template.kind for template in found} > {"Condition", "Observation"}
    return found


@pytest.mark.cds_hooks("prefetch-1")
def test_a_token_stands_between_double_braces(wire: Wire) -> None:
    """Each template has one, and no brace or percent sign outside of it."""
    assert [template for template in templates_of(wire) if has_stray_braces(template)] == []


@pytest.mark.cds_hooks("prefetch-2")
def test_a_token_holds_nothing_but_paths(wire: Wire) -> None:
    """From the context or, in 3.0, from an earlier key, in the subset of FHIRPath there is."""
    problems = [
        f"{template.hook}, {template.key}: {problem}"
        for template in templates_of(wire)
        for path in template.paths
        for problem in path_problems(path, template.hook)
    ]

    assert problems == []


@pytest.mark.cds_hooks("prefetch-2")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_2_0_can_ask_for_is_asked_in_its_tokens(wire: Wire, hook: str) -> None:
    """Patient, Coverage and the rest; no template beyond 2.0 but for what 2.0 has no token for."""
    of_hook = [template for template in templates_of(wire) if template.hook == hook]
    beyond = {
        template.key
        for template in of_hook
        if not all(is_of_2_0(path, hook) for path in template.paths)
    }

    assert beyond == BEYOND_2_0[hook]
    assert {template.key for template in of_hook} - beyond >= {"patient", "coverage"}


@pytest.mark.cds_hooks("prefetch-3")
def test_a_field_of_the_context_is_called_so(wire: Wire) -> None:
    """`context.` and the name of a field that the hook has; no token begins otherwise."""
    roots = [
        (template.hook, path, re.match(r"context\.([A-Za-z]+)", path))
        for template in templates_of(wire)
        for path in template.paths
        if not path.startswith("%") and path not in USER
    ]

    assert len(roots) > 20
    assert [
        (hook, path) for hook, path, root in roots if not root or root[1] not in FIELDS[hook]
    ] == []


@pytest.mark.cds_hooks("prefetch-4")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_template_stands_after_those_it_reads(wire: Wire, hook: str) -> None:
    """In the order that discovery has on the wire."""
    of_hook = [template for template in templates_of(wire) if template.hook == hook]
    keys = [template.key for template in of_hook]
    too_early = [
        template.key
        for place, template in enumerate(of_hook)
        if not template.reads <= set(keys[:place])
    ]

    assert len(set(keys)) == len(keys)
    assert [template.key for template in of_hook if template.reads]
    assert too_early == []


@pytest.mark.cds_hooks("prefetch-5")
def test_what_a_type_is_asked_of_is_a_type_of_resource(wire: Wire) -> None:
    """`ofType(X)`: X is a resource type of FHIR, and where ids follow the one searched."""
    asked = [
        (template, name)
        for template in templates_of(wire)
        for path in template.paths
        for name in re.findall(r"ofType\(([^()]*)\)", path)
    ]

    assert len(asked) > 10
    assert [name for _, name in asked if not is_resource_type(name)] == []
    assert [
        template.key
        for template, name in asked
        if f"ofType({name}).id" in template.query and template.kind != name
    ] == []


@pytest.mark.cds_hooks("prefetch-6")
def test_every_query_keeps_to_the_recommended_subset(wire: Wire) -> None:
    """Reads and searches by reference, equal token or date: nothing included, nothing chained."""
    problems = [
        f"{template.hook}, {template.key}: {problem}"
        for template in templates_of(wire)
        for problem in query_problems(template.query)
    ]

    assert problems == []


# The judge of templates itself.


@pytest.mark.parametrize(
    "query",
    [
        "Patient/{context.patientId}",
        "Patient/{{context.patientId}",
        "Patient/{{{context.patientId}}}",
        "Patient/%patient",
        "Patient?active=true",
    ],
)
def test_the_judge_sees_braces_that_are_wrong(query: str) -> None:
    """Single, triple, unclosed, or none at all."""
    assert has_stray_braces(Template("order-sign", "x", query))


@pytest.mark.parametrize(
    "path",
    [
        "patientId",
        "context",
        "context.unheardOf",
        "context.performer",
        "context.draftOrders.where(id = 'x').id",
        "context.draftOrders.entry.resource.ofType(Orders).id",
        "context.patientId + 1",
        "context.patientId|context.encounterId",
        "%",
        "today() - 1 year",
    ],
)
def test_the_judge_objects_to_paths_that_neither_version_has(path: str) -> None:
    """Other roots, functions and arguments."""
    assert list(path_problems(path, "order-sign")) != []


@pytest.mark.parametrize(
    "query",
    [
        "Patient",
        "Payer/{{context.patientId}}",
        "Payer?patient={{context.patientId}}",
        "Coverage?patient={{context.patientId}}&_include=Coverage:payor",
        "Coverage?payor.name=x",
        "Coverage?status:not=active",
        "Coverage?patient={{context.patientId}}&_maxresults=1",
        "Coverage?patient=",
        "Observation?date=ne{{today()}}",
        "Patient/{{context.patientId}}/$everything",
    ],
)
def test_the_judge_objects_to_queries_beyond_the_subset(query: str) -> None:
    """Operations, includes, chains, modifiers and prefixes that it does not have."""
    assert list(query_problems(query)) != []
