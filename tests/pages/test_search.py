"""Search: which words find which policies."""

import pytest
from hosted_policies import list_of, numbered
from small_library import organization, rule

from cds_service.fhir.coding import ICD_10_CM
from cds_service.pages.search import LONGEST_QUERY, PolicySearch, parse_query

DIAGNOSIS = {"path": "code", "code": [{"system": ICD_10_CM, "code": "C22.0"}]}
BY_DIAGNOSIS = {"id": "order", "type": "ServiceRequest", "codeFilter": [DIAGNOSIS]}


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> PolicySearch:
    """A search over three policies of two payers."""
    policy_list = list_of(
        tmp_path_factory.mktemp("library"),
        organization("zenith", name="Zenith Mutual of Ohio", alias=["Zenith"]),
        numbered(
            "ablation",
            "SURG.00126",
            title="Irreversible Electroporation (IRE)",
            rules=[rule(codes=["0600T", "0601T"])],
        ),
        numbered("scan", "RAD.7", title="Überwachung: MRI", rules=[rule(codes=["0601T"])]),
        numbered(
            "liver",
            "126-L",
            title="Liver surgery",
            payer="zenith",
            rules=[rule(input=[BY_DIAGNOSIS])],
        ),
    )
    return PolicySearch(policy_list.policies)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["scan", "ablation", "liver"]),
        ("electroporation", ["ablation"]),
        ("ELECTROPORATION", ["ablation"]),
        ("electro", ["ablation"]),
        ("(IRE)", ["ablation"]),
        ("SURG.00126", ["ablation"]),
        ("126", ["ablation", "liver"]),
        ("acme", ["scan", "ablation"]),
        ("zenith", ["liver"]),
        ("ohio", ["liver"]),
        ("surg zenith", ["liver"]),
        ("surgery  liver", ["liver"]),
        ("überwachung", ["scan"]),
        ("u\u0308berwachung", ["scan"]),
        ("0600T", ["ablation"]),
        ("0600t", ["ablation"]),
        ("0601T", ["scan", "ablation"]),
        ("0601T 0600T", ["ablation"]),
        ("0601T mri", ["scan"]),
        ("C22.0", ["liver"]),
        ("c220", ["liver"]),
        ("0600", []),
        ("0601T liver", []),
        ("00126Irreversible", []),
        ("nothing", []),
        ("%", []),
        (".*", []),
    ],
)
def test_words_find_policies(search: PolicySearch, query: str, found: list[str]) -> None:
    """Each must be part of title, number or payer, or a whole code."""
    assert [listed.policy.id for listed in search.find(query)] == found


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        ("", ""),
        ("  liver \t surgery\r\n", "liver surgery"),
        ("a\x00b\x1b[31m\u2028c", "a b [31m c"),
        ("\ud800", ""),
        ("x" * 10_240, "x" * LONGEST_QUERY),
        ("é 0600T", "é 0600T"),
    ],
)
def test_a_query_is_one_line_of_what_can_be_shown(raw: str, query: str) -> None:
    """Blanks are single, what cannot be printed is a blank, and nobody types more than a line."""
    assert parse_query(raw) == query
