"""To whom a card was given, on each kind of database: so that no other client speaks of it."""

import pytest
from stores import feedback, opened, record

from cds_service.audit.mentions import Mention, mention
from cds_service.audit.recipients import find_recipients

GIVEN = "2f1a7c1e-0000-4000-8000-000000000001"
NO_CARDS = {"none": [], "one that nobody was given": ["x"], "one that is no text": ["x\0"]}


def given(card: str) -> tuple[Mention, ...]:
    """What a record that gives this card mentions."""
    return (mention("card", card, b""),)


@pytest.mark.parametrize("others", NO_CARDS.values(), ids=NO_CARDS)
def test_whoever_was_given_a_card_is_found_beside_any_others(
    database_url: str, others: list[str]
) -> None:
    """E10: no card sent beside it hides to whom it was given, as one that no database can hold."""
    with opened(database_url) as log:
        log.write(record("a-1", client="south", mentions=given(GIVEN)))
        log.write_feedback([feedback("f-1", client="north", mentions=given(GIVEN))])

        assert find_recipients(log.engine, [*others, GIVEN]) == {GIVEN: "south"}
