"""What hook-13 is read to leave free: faults in what no determination reads are no errors.

Its SHALL is on which code an error has, not that each fault of FHIR is one (conf-12, found-33).
"""

from typing import Any

import pytest
from complete_resources import ASKED, complete_member, complete_orders, refusing
from every_hook import VERSIONS, JsonObject, ask, call, facts

SENSELESS: dict[str, Any] = {
    "status": "bogus",
    "intent": 7,
    "priority": {"of": "course"},
    "requester": "Dr. Invented",
    "identifier": 5,
    "meta": [],
    "text": "no narrative",
    "note": {"text": None},
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_senseless_values_that_no_determination_reads_change_nothing(
    hook: str, kind: str, version: str
) -> None:
    """An order full of them is answered like a sound one, of every kind and on every hook."""
    order, member = complete_orders()[kind], complete_member().values()
    odd = {**order, **SENSELESS}
    usual = ask(call(hook, order, member=member, version=version), index=refusing())
    response = ask(call(hook, odd, member=member, version=version), index=refusing())

    assert usual["cards"]
    assert facts(response) == facts(usual)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_senseless_values_of_the_member_change_nothing_either(
    hook: str, kind: str, version: str
) -> None:
    """In a Coverage and a Patient that say what is read in earnest."""
    order, member = complete_orders()[kind], complete_member()
    odd: dict[str, JsonObject] = {
        **member,
        "Patient": {**member["Patient"], "gender": "bogus", "birthDate": 7},
        "Coverage": {**member["Coverage"], "relationship": 7, "subscriberId": []},
    }
    usual = ask(call(hook, order, member=member.values(), version=version), index=refusing())
    response = ask(call(hook, order, member=odd.values(), version=version), index=refusing())

    assert usual["cards"]
    assert facts(response) == facts(usual)
