"""Imports as tests make them: what is there before, what is sent, and what came of it."""

import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cds_service.cli.import_ import find_faults
from cds_service.exchange.incoming.choosing import NOTHING_NAMED, Naming
from cds_service.exchange.incoming.delivery import Fault
from cds_service.exchange.incoming.importing import Imported, ImportRequest, import_policies
from cds_service.exchange.incoming.reading import read_source
from cds_service.fhir.resource import encode
from cds_service.policy.library.artifacts import builtin_library

JsonObject = dict[str, Any]
COVERAGE_INFORMATION = (
    "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
)
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
USAGE = "http://terminology.hl7.org/CodeSystem/usage-context-type"
THEIR_PAYER = {"system": "urn:oid:1.2.3.4", "value": "77001"}


def nothing_wrong(_directories: Sequence[Path]) -> Iterable[Fault]:
    """A check that passes everything."""
    return ()


def take_in(
    source: Path,
    into: Path,
    *,
    before: Sequence[Path] = (),
    base: str = "",
    replaces: bool = False,
    naming: Naming = NOTHING_NAMED,
) -> Imported:
    """An import of a file or directory, checked as the command checks it."""
    request = ImportRequest(
        delivery=read_source(source),
        into=into,
        before=before or (builtin_library(),),
        base=base,
        replaces=replaces,
        naming=naming,
    )
    return import_policies(request, find_faults)


def snapshot(directory: Path) -> Mapping[str, bytes]:
    """Every file below a directory, hidden ones too."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


def bundle(path: Path, *resources: JsonObject, kind: str = "collection") -> Path:
    """A Bundle of resources in a file."""
    entries = [{"resource": resource} for resource in resources]
    path.write_bytes(encode({"resourceType": "Bundle", "type": kind, "entry": entries}))
    return path


def package(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A gzipped tar file of these entries, whatever they are."""
    with tarfile.open(path, "w:gz") as tar:
        for info, body in entries:
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return path


def file_entry(name: str, body: bytes | JsonObject) -> tuple[tarfile.TarInfo, bytes]:
    """A whole file of a package."""
    return tarfile.TarInfo(name), encode(body) if isinstance(body, dict) else body


def their_payer(**elements: Any) -> JsonObject:
    """A payer as a foreign library has it, by an identifier of its own."""
    return {
        "resourceType": "Organization",
        "id": "their-payer",
        "identifier": [THEIR_PAYER],
        "name": "Riverbend Health",
        **elements,
    }


def context(code: str, *codings: tuple[str, str], **concept: Any) -> JsonObject:
    """A `useContext` that lists codings."""
    listed = [{"system": system, "code": value} for system, value in codings]
    return {
        "code": {"system": USAGE, "code": code},
        "valueCodeableConcept": {"coding": listed, **concept},
    }


def coverage_information(*parts: JsonObject) -> JsonObject:
    """CRD's extension as an example in a policy shows it, with parts that only a call can fill."""
    example = [
        {"url": "coverage", "valueReference": {"reference": "Coverage/example"}},
        {"url": "date", "valueDate": "2026-01-01"},
        {"url": "coverage-assertion-id", "valueString": "example"},
    ]
    return {"url": COVERAGE_INFORMATION, "extension": [*example, *parts]}


NOT_COVERED = (
    {"url": "covered", "valueCode": "not-covered"},
    {"url": "reason", "valueCodeableConcept": {"text": "Excluded by the plan."}},
)
COVERED = (
    {"url": "covered", "valueCode": "covered"},
    {"url": "pa-needed", "valueCode": "auth-needed"},
)


def static_action(
    name: str = "coverage-info", *parts: JsonObject, hook: str = "order-sign", **elements: Any
) -> JsonObject:
    """An action whose determination is stated."""
    return {
        "id": name,
        "title": "Sleep devices",
        "extension": [coverage_information(*(parts or NOT_COVERED))],
        "trigger": [{"type": "named-event", "name": hook}],
        **elements,
    }


def condition(expression: str, language: str = "text/fhirpath") -> JsonObject:
    """An applicability condition."""
    return {
        "kind": "applicability",
        "expression": {"language": language, "expression": expression},
    }


def foreign_policy(*actions: JsonObject, **elements: Any) -> JsonObject:
    """A policy in the convention of HL7's br-payer: program, focus, and an action a rule."""
    return {
        "resourceType": "PlanDefinition",
        "id": "SleepDevices",
        "url": "http://riverbend.invalid/fhir/PlanDefinition/SleepDevices",
        "version": "1.0.0",
        "title": "Sleep devices",
        "status": "active",
        "effectivePeriod": {"start": "2026-01-01"},
        "useContext": [
            context("program", (THEIR_PAYER["system"], THEIR_PAYER["value"])),
            context("focus", (HCPCS, "E0601"), (HCPCS, "E0470")),
        ],
        "action": list(actions or (static_action(),)),
        **elements,
    }
