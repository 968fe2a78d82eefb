"""A policy as a person reads it: everything its FHIR resources say, gathered for one page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cds_service.crd.decision.determination import Contact
from cds_service.crd.request.membership import Payer
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import JsonObject, text
from cds_service.pages.code_tables import CodeTable, read_code_tables, value_sets
from cds_service.pages.evidence import (
    Comment,
    Definition,
    Justification,
    Reference,
    read_comments,
    read_definitions,
    read_justifications,
    read_references,
)
from cds_service.pages.rules import RuleView, Step, next_steps, view_rule
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.rules import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRow:
    """One date; the notes say that and how it was derived."""

    name: str
    value: str
    notes: tuple[Comment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """One policy version with what belongs to it."""

    policy: Policy
    payer: Payer
    payer_name: str
    rules: tuple[RuleView, ...]
    code_tables: tuple[CodeTable, ...]
    value_sets: tuple[JsonObject, ...]
    dates: tuple[DateRow, ...]
    other_versions: tuple[Policy, ...]
    comments: tuple[Comment, ...]
    justifications: tuple[Justification, ...]
    references: tuple[Reference, ...]
    documents: tuple[Reference, ...]
    sources: tuple[Reference, ...]
    definitions: tuple[Definition, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return next_steps(self.rules)

    @property
    def contacts(self) -> tuple[Contact, ...]:
        return tuple(dict.fromkeys(contact for rule in self.rules for contact in rule.contacts))

    @property
    def history(self) -> tuple[Comment, ...]:
        return tuple(one for one in self.comments if one.on)

    @property
    def statements(self) -> tuple[Comment, ...]:
        """What the document states besides, absences above all."""
        return tuple(one for one in self.comments if one.kind == "documentation" and not one.on)

    @property
    def guidance(self) -> tuple[Comment, ...]:
        return tuple(one for one in self.comments if one.kind == "guidance")

    @property
    def derivations(self) -> tuple[Comment, ...]:
        return tuple(one for one in self.comments if one.derives)

    @property
    def loose_notes(self) -> tuple[Comment, ...]:
        """Review comments that stand beside no justification."""
        placed = {note for one in self.justifications for note in one.notes}
        return tuple(
            one
            for one in self.comments
            if one.kind == "review" and not one.derives and one not in placed
        )


def read_policy(policy: Policy, library: Library, index: PolicyIndex) -> PolicyView:
    """The view of one policy of the index."""
    resource = policy.resource
    comments = read_comments(resource)
    return PolicyView(
        policy=policy,
        payer=next(payer for payer in index.payers.all if payer.id == policy.payer_id),
        payer_name=text(
            library.by_key[ResourceKey("Organization", policy.payer_id)].resource.get("name")
        ),
        rules=tuple(view_rule(rule) for rule in index.rules if rule.policy.id == policy.id),
        code_tables=read_code_tables(resource, library),
        value_sets=value_sets(resource, library),
        dates=tuple(_dates(policy, comments)),
        other_versions=tuple(
            one for one in index.policies if one.url == policy.url and one.id != policy.id
        ),
        comments=comments,
        justifications=read_justifications(
            resource, [one for one in comments if one.kind == "review"]
        ),
        references=read_references(resource, "citation"),
        documents=read_references(resource, "documentation"),
        sources=read_references(resource, "derived-from"),
        definitions=read_definitions(resource),
    )


def _dates(policy: Policy, comments: tuple[Comment, ...]) -> Iterable[DateRow]:
    resource = policy.resource
    rows = (
        ("Effective from", policy.start.isoformat(), ("effectivePeriod.start",)),
        ("Effective until", shown_end(policy), ("effectivePeriod.end", "effective period")),
        ("Published", text(resource.get("date")), ("date",)),
        ("Approved", text(resource.get("approvalDate")), ("approvalDate",)),
        ("Last review", text(resource.get("lastReviewDate")), ("lastReviewDate",)),
        ("Version", policy.version, ("version",)),
    )
    for name, value, subjects in rows:
        notes = tuple(one for one in comments if one.derives and one.is_about(*subjects))
        yield DateRow(name=name, value=value or "not stated", notes=notes)


def shown_end(policy: Policy) -> str:
    """The last day of a policy; one without an end holds until a next version."""
    return "no end stated" if policy.end == date.max else policy.end.isoformat()
