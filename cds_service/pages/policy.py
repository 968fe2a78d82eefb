"""A policy as a person reads it: its compiled rules, and what its FHIR resources hold besides."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from cds_service.crd.decision.determination import Contact
from cds_service.crd.request.membership import Payer
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
from cds_service.pages.policy_list import ListedPolicy, Standing
from cds_service.pages.rules import RuleView, Step, next_steps, view_rule
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.rules import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRow:
    """One date of a policy, and the notes on how it was derived, if it was."""

    name: str
    value: str
    notes: tuple[Comment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """Everything one page shows of a policy version; `standing` is that of today."""

    policy: Policy
    payer: Payer
    payer_name: str
    standing: Standing
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
        """The rows of the document's own history."""
        return tuple(comment for comment in self.comments if comment.on)

    @property
    def statements(self) -> tuple[Comment, ...]:
        """What the document states besides, absences above all."""
        return tuple(
            comment
            for comment in self.comments
            if comment.kind == "documentation" and not comment.on
        )

    @property
    def guidance(self) -> tuple[Comment, ...]:
        return tuple(comment for comment in self.comments if comment.kind == "guidance")

    @property
    def derivations(self) -> tuple[Comment, ...]:
        return tuple(comment for comment in self.comments if comment.derives)

    @property
    def loose_notes(self) -> tuple[Comment, ...]:
        """Review comments that stand beside no justification."""
        placed = {note for justification in self.justifications for note in justification.notes}
        return tuple(
            comment
            for comment in self.comments
            if comment.kind == "review" and not comment.derives and comment not in placed
        )


def read_policy(listed: ListedPolicy, library: Library, today: date) -> PolicyView:
    """The view of one listed policy, as it stands today."""
    resource = listed.policy.resource
    comments = read_comments(resource)
    review = [comment for comment in comments if comment.kind == "review"]
    return PolicyView(
        policy=listed.policy,
        payer=listed.payer,
        payer_name=listed.payer_name,
        standing=listed.standing_on(today),
        rules=tuple(view_rule(rule) for rule in listed.rules),
        code_tables=read_code_tables(resource, library),
        value_sets=value_sets(resource, library),
        dates=tuple(_dates(listed, comments)),
        other_versions=listed.other_versions,
        comments=comments,
        justifications=read_justifications(resource, review),
        references=read_references(resource, "citation"),
        documents=read_references(resource, "documentation"),
        sources=read_references(resource, "derived-from"),
        definitions=read_definitions(resource),
    )


def _dates(listed: ListedPolicy, comments: tuple[Comment, ...]) -> Iterator[DateRow]:
    policy, resource = listed.policy, listed.policy.resource
    until = listed.last_day.isoformat() if listed.last_day else "no end stated"
    rows = (
        ("Effective from", policy.start.isoformat(), ("effectivePeriod.start",)),
        ("Effective until", until, ("effectivePeriod.end", "effective period")),
        ("Published", text(resource.get("date")), ("date",)),
        ("Approved", text(resource.get("approvalDate")), ("approvalDate",)),
        ("Last review", text(resource.get("lastReviewDate")), ("lastReviewDate",)),
        ("Version", policy.version, ("version",)),
    )
    for name, value, subjects in rows:
        notes = tuple(
            comment for comment in comments if comment.derives and comment.is_about(*subjects)
        )
        yield DateRow(name=name, value=value or "not stated", notes=notes)
