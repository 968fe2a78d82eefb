"""Feedback: what became of our cards (CDS Hooks, Feedback)."""

from dataclasses import dataclass

from cds_service.cds_hooks.request import decode_json
from cds_service.cds_hooks.schema import Schema
from cds_service.errors import TooLarge
from cds_service.fhir.resource import Json, JsonObject

# In one POST, which is kept in one transaction: five thousand hold up all other calls for a second.
MOST_FEEDBACK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One clinician's reaction to one card; the same one sent twice is one event."""

    card: str
    outcome: str
    timestamp: str
    body: JsonObject


class FeedbackParser:
    """Reads feedback bodies; holds the compiled schema."""

    def __init__(self) -> None:
        self._schema = Schema("feedback", "feedback")

    def parse(self, body: bytes) -> tuple[Feedback, ...]:
        """Each feedback in `body`; one POST may hold several and repeat a card.

        Raises:
            InvalidRequest: not JSON, or not feedback.
            TooLarge: more than `MOST_FEEDBACK`.
        """
        found = decode_json(body)
        _check_number(found)
        sent = self._schema.check(found)
        return tuple(
            Feedback(
                card=item["card"],
                outcome=item["outcome"],
                timestamp=item["outcomeTimestamp"],
                body=item,
            )
            for item in sent["feedback"]
        )


def _check_number(found: Json) -> None:
    sent = found.get("feedback") if isinstance(found, dict) else None
    if isinstance(sent, list) and len(sent) > MOST_FEEDBACK:
        raise TooLarge(
            f"too much feedback in one request: at most {MOST_FEEDBACK} are read", "$.feedback"
        )
