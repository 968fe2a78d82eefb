"""Advice: how a policy is written so that no engine reads more in it than it says."""

from pathlib import Path
from typing import Any

import pytest
from crd_command import crd
from small_library import applicability, organization, policy, rule, write_library

from cds_service.authoring.portability import find_advice
from cds_service.fhir.coding import CPT
from cds_service.policy.library.artifacts import builtin_library, read_library

JsonObject = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
TESTED = "%codes.where(code = '0001T').exists()"


def advised(directory: Path, *resources: JsonObject) -> list[str]:
    library = read_library([write_library(directory, organization(), *resources)])
    return [advice.where for advice in find_advice(library)]


def guarded(*rules: JsonObject, **elements: Any) -> JsonObject:
    written = policy(*rules, **elements)
    written["action"][0]["condition"] = [applicability(TESTED)]
    return written


@pytest.mark.parametrize("directory", [builtin_library(), EXAMPLES], ids=["built-in", "examples"])
def test_our_own_policies_need_no_advice(directory: Path) -> None:
    """What we ship is silent where it cannot be evaluated."""
    assert list(find_advice(read_library([directory]))) == []


def test_an_outer_action_without_a_condition_is_named(tmp_path: Path) -> None:
    """It made another payer's server answer `covered`."""
    assert advised(tmp_path, policy(rule(conditions=(TESTED,)))) == ["$.action[0]"]


def test_a_rule_that_leaves_its_codes_to_the_filter_is_named(tmp_path: Path) -> None:
    """Some engines pass over filters."""
    assert advised(tmp_path, guarded(rule())) == ["$.action[0].action[0]"]
    assert advised(tmp_path, guarded(rule(conditions=(TESTED,)))) == []


def test_a_rule_for_every_order_has_no_codes_to_test(tmp_path: Path) -> None:
    """Without a filter there is nothing that could be passed over."""
    assert advised(tmp_path, guarded(rule(codes=()))) == []


def test_a_list_without_an_expansion_is_named(tmp_path: Path) -> None:
    """Engines without terminology read the expansion."""
    value_set = {
        "resourceType": "ValueSet",
        "id": "codes",
        "url": "https://x.invalid/ValueSet/codes",
        "version": "1",
        "status": "active",
        "compose": {"include": [{"system": CPT, "concept": [{"code": "0001T"}]}]},
    }

    assert advised(tmp_path, value_set) == ["$.expansion"]


def test_a_draft_is_left_alone(tmp_path: Path) -> None:
    """It answers nobody yet."""
    assert advised(tmp_path, policy(status="draft")) == []


def test_advice_is_no_finding(tmp_path: Path) -> None:
    """It goes to the other stream, and the exit status stays 0."""
    write_library(tmp_path, organization(), policy())
    run = crd("check", tmp_path)

    assert run.returncode == 0
    assert "$.action[0]: for other engines: give the outer action a condition" in run.stderr
