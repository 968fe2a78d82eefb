"""The four forms of an export: R4, whole, and the same bytes for the same set."""

import gzip
import json
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from exports import BASE, builtin, everything, exported
from fhir.resources.R4B import get_fhir_model_class
from small_library import organization

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.errors import ExchangeError
from cds_service.exchange.manifest import base_of, is_manifest
from cds_service.exchange.outgoing.exporting import (
    SINGLE_FILES,
    ExportedSet,
    collection_bytes,
    make_set,
    ndjson_of,
    package_bytes,
    transaction_bytes,
)
from cds_service.exchange.outgoing.hurdles import find_hurdles
from cds_service.fhir.resource import decode
from cds_service.policy.library.shape import ShapeChecker

JsonObject = dict[str, Any]

WHOLE = everything()
SETS = {
    "library": exported(WHOLE),
    "rebased": exported(WHOLE, BASE),
    "portable": exported(WHOLE, BASE, "portable"),
}
AMA = "CPT © Copyright 2024 American Medical Association. All rights reserved."


def files_of(package: bytes) -> dict[str, bytes]:
    """The files of a package by name."""
    with tarfile.open(fileobj=BytesIO(package), mode="r:gz") as archive:
        return {
            entry.name: file.read()
            for entry in archive
            if (file := archive.extractfile(entry)) is not None
        }


def resources_in(form: str, sent: ExportedSet) -> list[JsonObject]:
    """What a form holds, Bundle and guide among it."""
    if form == "ndjson":
        return [decode(line) for body in ndjson_of(sent).values() for line in body.splitlines()]
    body = SINGLE_FILES[form](sent)
    if form == "package":
        bodies = [decode(file) for file in files_of(body).values()]
        return [resource for resource in bodies if "resourceType" in resource]
    bundle = decode(body)
    return [bundle, *(entry["resource"] for entry in bundle["entry"])]


@pytest.mark.parametrize("view", SETS)
@pytest.mark.parametrize("form", [*SINGLE_FILES, "ndjson"])
def test_everything_exported_is_r4(form: str, view: str) -> None:
    """By the models and by the project's own check of shapes; Bundle and guide too."""
    checker = ShapeChecker()
    found = resources_in(form, SETS[view])
    for resource in found:
        checker.check(Path(form), resource)
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert not {"versionId", "lastUpdated"} & resource.get("meta", {}).keys()
        assert not resource["id"].isdecimal()

    assert len(found) >= len(SETS[view].resources)


@pytest.mark.parametrize("view", SETS)
def test_a_transaction_can_be_stored_entry_by_entry(view: str) -> None:
    """Each is put under its own id, after everything that it refers to."""
    stored: set[str] = set()
    for entry in decode(transaction_bytes(SETS[view]))["entry"]:
        resource = entry["resource"]
        place = f"{resource['resourceType']}/{resource['id']}"
        assert entry["request"] == {"method": "PUT", "url": place}
        assert entry["fullUrl"] == f"{SETS[view].facts.base}/{place}"
        assert set(references(resource)) <= stored
        stored.add(place)

    assert "Library/crd-manifest" in stored


def references(value: Any) -> list[str]:
    """Every literal reference, without those to contained resources."""
    if isinstance(value, list):
        return [found for member in value for found in references(member)]
    if not isinstance(value, dict):
        return []
    own = value.get("reference", "#")
    inside = [found for member in value.values() for found in references(member)]
    return inside if not isinstance(own, str) or own.startswith("#") else [own, *inside]


@pytest.mark.parametrize("form", SINGLE_FILES)
def test_nothing_is_changed_but_the_base(form: str) -> None:
    """What leaves under our own base is what is in the library, narratives and expansions too."""
    sent = resources_in(form, SETS["library"])
    for artifact in WHOLE.by_key.values():
        assert artifact.resource in sent


@pytest.mark.parametrize("form", [*SINGLE_FILES, "ndjson"])
def test_our_own_base_is_nowhere_after_a_rebase(form: str) -> None:
    """Not in an expression, not in a narrative, not in what describes the set."""
    texts = [json.dumps(resource) for resource in resources_in(form, SETS["rebased"])]
    body = b"" if form == "ndjson" else SINGLE_FILES[form](SETS["rebased"])

    assert not any(CANONICAL_BASE in text for text in texts)
    assert CANONICAL_BASE.encode() not in (gzip.decompress(body) if form == "package" else body)


def test_the_notice_about_cpt_goes_with_every_form() -> None:
    """In the manifest, and in what describes a package."""
    files = files_of(package_bytes(SETS["library"]))
    guide = files["package/ImplementationGuide-invalid.coverage-policies.crd.json"]

    assert AMA in SETS["library"].manifest["copyright"]
    assert AMA in decode(files["package/package.json"])["copyright"]
    assert AMA in decode(guide)["copyright"]


def test_a_package_says_what_it_is() -> None:
    """Named after its base; no two contents share a version."""
    described = decode(files_of(package_bytes(SETS["rebased"]))["package/package.json"])
    others = {sent.facts.version for sent in SETS.values()}

    assert described["name"] == "org.example.payer.crd"
    assert described["version"] == SETS["rebased"].facts.version
    assert described["dependencies"] == {"hl7.fhir.r4.core": "4.0.1"}
    assert described["fhirVersions"] == ["4.0.1"]
    assert described["canonical"] == BASE
    assert len(others) == len(SETS)


def test_the_index_of_a_package_lists_its_files() -> None:
    """With the members that tools look resources up by, where they are strings."""
    files = files_of(package_bytes(SETS["library"]))
    index = decode(files["package/.index.json"])
    listed = {file["filename"]: file for file in index["files"]}
    own = {"package/package.json", "package/.index.json"}

    assert index["index-version"] == 2
    assert {f"package/{name}" for name in listed} == files.keys() - own
    assert listed["PlanDefinition-icare-wi-pa-1266-20241008.json"] == {
        "filename": "PlanDefinition-icare-wi-pa-1266-20241008.json",
        "resourceType": "PlanDefinition",
        "id": "icare-wi-pa-1266-20241008",
        "url": f"{CANONICAL_BASE}/PlanDefinition/icare-wi-pa-1266",
        "version": "2024.10.8",
    }


def test_a_package_holds_nothing_of_this_machine() -> None:
    """No owner, no time but that of its youngest artifact, plain tar, short names."""
    with tarfile.open(fileobj=BytesIO(package_bytes(SETS["library"])), mode="r:gz") as archive:
        entries = archive.getmembers()

    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {
        (0, 0, "", "")
    }
    assert len({entry.mtime for entry in entries}) == 1
    assert max(len(entry.name.encode()) for entry in entries) <= 100
    assert entries[0].name == "package/package.json"
    assert not any(entry.pax_headers for entry in entries)


def test_the_order_of_members_and_files_changes_no_byte() -> None:
    """Whoever wrote the files, and wherever: the same set gives the same bytes."""
    turned = [turned_over(resource) for resource in reversed(SETS["library"].resources)]
    again = make_set(turned, digest=SETS["library"].facts.digest, view="library")

    for form in SINGLE_FILES.values():
        assert form(again) == form(SETS["library"])
    assert ndjson_of(again) == ndjson_of(SETS["library"])


def turned_over(value: Any) -> Any:
    """The same JSON with the members of every object the other way round."""
    if isinstance(value, list):
        return [turned_over(member) for member in value]
    if isinstance(value, dict):
        return {name: turned_over(value[name]) for name in reversed(value)}
    return value


def test_ndjson_has_a_file_for_each_type_and_a_resource_a_line() -> None:
    """The manifest is among the Libraries."""
    files = ndjson_of(SETS["library"])
    libraries = [decode(line) for line in files["Library.ndjson"].splitlines()]

    assert list(files) == sorted(files)
    assert [library["id"] for library in libraries] == ["crd-rule-language", "crd-manifest"]
    for name, body in files.items():
        assert body.endswith(b"\n")
        kinds = {decode(line)["resourceType"] for line in body.splitlines()}
        assert kinds == {name.removesuffix(".ndjson")}


def test_the_manifest_pins_what_is_in_the_set_and_what_is_outside() -> None:
    """Under the base of the export, and it knows that base."""
    manifest = SETS["rebased"].manifest
    inside, outside = (
        {item["resource"] for item in manifest["relatedArtifact"] if item["type"] == kind}
        for kind in ("composed-of", "depends-on")
    )

    assert is_manifest(manifest)
    assert base_of(manifest) == BASE
    assert len(inside) == len(SETS["rebased"].resources)
    assert f"{BASE}/PlanDefinition/icare-wi-pa-1266|2024.10.8" in inside
    assert "http://www.ama-assn.org/go/cpt|2024" in outside
    assert "http://www.ama-assn.org/go/cpt" not in outside
    assert not inside & outside
    assert first_resource(collection_bytes(SETS["rebased"])) == manifest


def first_resource(bundle: bytes) -> Any:
    """The resource of the first entry of a Bundle."""
    return decode(bundle)["entry"][0]["resource"]


def test_what_the_manifest_needs_is_refused_in_a_library() -> None:
    """Two resources cannot have one id."""
    other = {"resourceType": "Library", "id": "crd-manifest"}
    with pytest.raises(ExchangeError, match="the manifest needs that id"):
        make_set([other], digest="sha256:0", view="library")


def test_a_base_whose_host_names_no_package_gives_bundles_but_no_package() -> None:
    """An address of digits is no name."""
    sent = exported(builtin(), "http://127.0.0.1:8080/fhir")
    with pytest.raises(ExchangeError, match="or export a Bundle"):
        package_bytes(sent)

    assert decode(transaction_bytes(sent))["type"] == "transaction"


def test_a_name_that_some_readers_cut_is_refused() -> None:
    """A long type with a long id, in a package alone."""
    long = {"resourceType": "MedicinalProductUndesirableEffect", "id": "x" * 64}
    sent = make_set([long], digest="sha256:0", view="library")
    with pytest.raises(ExchangeError, match="longer than the 100 bytes"):
        package_bytes(sent)


def test_a_set_without_dates_has_a_version_all_the_same() -> None:
    """The earliest day that archives know."""
    sent = make_set([organization()], digest="sha256:0", view="library")

    assert sent.facts.version.startswith("1980.1.1-r")
    assert sent.manifest["publisher"] == "not stated"
    assert "copyright" not in sent.manifest


def test_hurdles_for_other_servers_are_named_with_those_that_have_them() -> None:
    """They are advice: what is exported is not changed for them."""
    stored = organization("123", meta={"versionId": "1"}, partOf={"reference": "Organization/no"})
    draft = {"resourceType": "ValueSet", "id": "a", "status": "draft", "url": "https://x.invalid/a"}
    found = {
        hurdle.words.split(";")[0]: [key.id for key in hurdle.keys]
        for hurdle in find_hurdles([stored, draft, draft | {"id": "b", "expansion": {}}])
    }

    assert found == {
        "refers to what is not in the set": ["123"],
        "no `expansion`": ["a"],
        "an id of digits only": ["123"],
        "`meta.versionId` or `meta.lastUpdated`": ["123"],
        "several versions under one url": ["a", "b"],
        "not `active`": ["a", "b"],
    }


def test_the_built_in_library_has_no_hurdle_but_code_sets_that_nobody_can_list() -> None:
    """All codes of CPT, of ICD-10-PCS and of Source of Payment are not ours to list."""
    found = [(hurdle.words[:14], [key.id for key in hurdle.keys]) for hurdle in hurdles()]
    assert found == [("no `expansion`", ["any-cpt", "any-icd-10-pcs", "medicare-or-medicaid"])]


def hurdles() -> Any:
    """Those of the built-in library."""
    return find_hurdles([artifact.resource for artifact in builtin().by_key.values()])
