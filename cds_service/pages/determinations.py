"""The details of a rule's determination, in words for a page (CRD coverage-information)."""

from dataclasses import dataclass

from cds_service.crd.decision.meanings import value_in_words
from cds_service.policy.run.rules import DynamicDetail


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailView:
    """One detail of a determination.

    `when` is the condition it is given on; a `computed` one is worded for each order, and `text`
    tells how.
    """

    name: str
    text: str
    when: str
    computed: bool

    @property
    def is_instruction(self) -> bool:
        return self.name == "instructions"


def describe_detail(dynamic: DynamicDetail) -> DetailView:
    """One detail in words, whatever the type of its value."""
    detail = dynamic.detail
    computed = " ".join(filter(None, (dynamic.value_in_words, detail.qualification)))
    return DetailView(
        name=detail.code.code,
        text=computed if dynamic.value_in_words else value_in_words(detail),
        when=dynamic.when_in_words,
        computed=dynamic.value is not None,
    )
