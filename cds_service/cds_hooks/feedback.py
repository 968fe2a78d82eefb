"""Feedback: what became of our cards (CDS Hooks, Feedback)."""

from dataclasses import dataclass

from cds_service.cds_hooks.request import decode_json
from cds_service.cds_hooks.schema import Schema
from cds_service.fhir.resource import JsonObject


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
        """
        sent = self._schema.check(decode_json(body))
        return tuple(
            Feedback(
                card=item["card"],
                outcome=item["outcome"],
                timestamp=item["outcomeTimestamp"],
                body=item,
            )
            for item in sent["feedback"]
        )
