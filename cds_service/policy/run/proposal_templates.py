"""Proposal templates: the proposals of a rule as compiled from its policy."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cds_service.crd.codes import Topic
from cds_service.crd.decision.proposal import ProposalKind
from cds_service.fhir.resource import Json, JsonObject
from cds_service.policy.language.expressions import Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicElement:
    """An element whose value an expression yields; `fits` tells whether one may stand there."""

    name: str
    is_list: bool
    expression: Expression
    fits: Callable[[Json], bool]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProposalTemplate:
    """One proposal, for orders not yet known.

    `target` is the type of resource that would be updated or created, `elements` what the policy
    writes in it. A form has a `questionnaire` and its `purpose` instead, an app a `url`.
    """

    kind: ProposalKind
    id: str
    topic: Topic
    title: str
    description: str
    conditions: tuple[Expression, ...] = ()
    target: str = ""
    elements: JsonObject = field(default_factory=dict)
    dynamic: tuple[DynamicElement, ...] = ()
    is_replacement: bool = False
    is_recommended: bool = False
    questionnaire: str = ""
    purpose: JsonObject = field(default_factory=dict)
    url: str = ""

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Every expression that it is made by."""
        return (*self.conditions, *(element.expression for element in self.dynamic))
