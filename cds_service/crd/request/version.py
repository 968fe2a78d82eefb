"""The CRD versions spoken here, and which of them a request asks for (CRD dev-1 to dev-3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cds_service.crd.request.caller import ANYONE, Caller
from cds_service.errors import UnsupportedVersion
from cds_service.fhir.resource import JsonObject, text

ADVERTISED = ("2.1", "2.2")  # crdver-1's own pattern refuses "2.0"
_REQUESTED = re.compile(r"^(\d+\.\d+)(?:\.\d+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What clients of one CRD version expect of a server.

    How they are written to is `response.versions`.
    """

    name: str
    always_system_actions: bool
    refuses_without_coverage: bool  # CRD hook-13, new in 2.1
    answers_on_order: bool  # an appointment made for an order is answered on the order
    unwritable: frozenset[str] = frozenset()  # order types the published extension has no place on


VERSIONS: Mapping[str, Version] = {
    "2.0": Version(
        name="2.0",
        always_system_actions=True,
        refuses_without_coverage=False,
        answers_on_order=False,
        # The extension's context in 2.0.1 names neither this nor Appointment, their profiles carry
        # it; clients and validators are known to take it on an Appointment only.
        unwritable=frozenset({"VisionPrescription"}),
    ),
    "2.1": Version(
        name="2.1",
        always_system_actions=False,
        refuses_without_coverage=True,
        answers_on_order=True,
    ),
    "2.2": Version(
        name="2.2",
        always_system_actions=False,
        refuses_without_coverage=True,
        answers_on_order=True,
    ),
}
DEFAULT = VERSIONS["2.0"]  # a client that asks for none is older than asking


def asked_version(extension: JsonObject) -> str:
    """The version a request asks for as it is written there; empty if it asks for none."""
    return text(extension.get("davinci-crd.requestedVersion"))


def agree_version(extension: JsonObject, caller: Caller = ANYONE) -> Version:
    """The version a request asks for; if it asks for none, what is registered for its caller.

    Raises:
        UnsupportedVersion: it asks for one this service does not speak.
    """
    requested = extension.get("davinci-crd.requestedVersion")
    if requested is None:
        return VERSIONS.get(caller.default_version, DEFAULT)
    matched = _REQUESTED.match(text(requested))
    version = VERSIONS.get(matched.group(1)) if matched else None
    if version is None:
        where = "$.extension['davinci-crd.requestedVersion']"
        raise UnsupportedVersion(f"this service speaks CRD {', '.join(VERSIONS)}", where)
    return version
