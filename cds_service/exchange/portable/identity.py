"""Ids, names and addresses of what is made for the view: the same for the same policy, always."""

import re
from hashlib import sha256

from cds_service.exchange.portable.certainty import Certain
from cds_service.fhir.resource import text

_LONGEST = 64  # characters of an id (FHIR R4, id)
_LONGEST_NAME = 255  # and of a name
_DIGITS = 12


def id_of(certain: Certain) -> str:
    """The id of the PlanDefinition and the ValueSet of one rule and one code."""
    policy, code = certain.rule.policy, certain.coding
    made_of = (
        f"{policy.payer_id} {policy.id} {certain.rule.citation.rule_id} {code.system} {code.code}"
    )
    readable = f"{policy.id}-{certain.rule.citation.rule_id}-{code.code}".lower()
    clean = re.sub(r"[^a-z0-9.-]+", "-", readable)[: _LONGEST - _DIGITS - 1]
    return f"{clean}-{sha256(made_of.encode()).hexdigest()[:_DIGITS]}"


def name_of(certain: Certain) -> str:
    """A name as machines want one: letters and digits, the first a capital."""
    policy = certain.rule.policy
    words = (text(policy.resource.get("name")), certain.rule.citation.rule_id, certain.coding.code)
    parts = [part for word in words for part in re.split(r"[^A-Za-z0-9]+", word) if part]
    joined = "".join(part[0].upper() + part[1:] for part in parts)
    return f"Portable{joined}"[:_LONGEST_NAME]


def url_of(certain: Certain, kind: str) -> str:
    """The canonical of a made artifact, beside that of its policy."""
    base = certain.rule.policy.url.rpartition("/PlanDefinition/")[0]
    return f"{base or certain.rule.policy.url}/{kind}/{id_of(certain)}"
