"""The library on disk: read strictly, overlaid whole, and every broken file named."""

from pathlib import Path
from typing import Any

import pytest
from small_library import (
    change,
    compile_directories,
    copy_of_builtin,
    insurance_plan,
    organization,
    policy,
    rule,
    write_library,
)

from cds_service.errors import ArtifactError
from cds_service.fhir.reference import ResourceKey
from cds_service.policy.library.artifacts import builtin_library, read_library

JsonObject = dict[str, Any]


def refused(directory: Path) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        read_library([directory])
    return caught.value


def names_in(*directories: Path) -> list[str]:
    """The names of the Organizations in the library of these directories."""
    organizations = read_library(directories).of_type("Organization")
    return [artifact.resource["name"] for artifact in organizations]


def test_the_built_in_library_is_found_and_sound() -> None:
    """Two payers, three plans, two policies and what they share."""
    library = read_library([builtin_library()])
    counted = {
        kind: len(list(library.of_type(kind)))
        for kind in ("Organization", "InsurancePlan", "PlanDefinition")
    }

    assert counted == {"Organization": 2, "InsurancePlan": 3, "PlanDefinition": 2}


def test_artifacts_are_listed_by_id_however_they_are_stored(tmp_path: Path) -> None:
    """Folders are for people; order on disk means nothing."""
    write_library(tmp_path / "z" / "deep", organization("alpha"))
    write_library(tmp_path / "a", organization("beta"), organization("gamma"))
    organizations = read_library([tmp_path]).of_type("Organization")

    assert [artifact.resource["id"] for artifact in organizations] == ["alpha", "beta", "gamma"]


def test_a_resource_is_found_by_its_pinned_canonical(tmp_path: Path) -> None:
    """`url|version`, as policies refer to ValueSets."""
    versioned = policy(version="7")
    library = read_library([write_library(tmp_path, versioned)])

    assert library.by_canonical[f"{versioned['url']}|7"].resource == versioned


def test_cases_and_files_of_other_kinds_are_no_artifacts(tmp_path: Path) -> None:
    """A policy's own tests, notes and pictures may lie beside it."""
    write_library(tmp_path, organization())
    for name in ("cases.json", "README.md", "figure.png", "Organization-acme.json.bak"):
        (tmp_path / name).write_bytes(b"not a resource")

    assert set(read_library([tmp_path]).by_key) == {ResourceKey("Organization", "acme")}


def test_decimals_of_an_artifact_keep_their_digits(tmp_path: Path) -> None:
    """An artifact is checked with a model and carried as the JSON it is."""
    file = tmp_path / "Organization-acme.json"
    file.write_bytes(
        b'{"resourceType":"Organization","id":"acme","name":"Acme","extension":'
        b'[{"url":"https://x.example.invalid","valueDecimal":1.50}]}'
    )

    (artifact,) = read_library([tmp_path]).by_key.values()

    assert str(artifact.resource["extension"][0]["valueDecimal"]) == "1.50"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "$"),
        (b"{", "$"),
        (b"{}{}", "$"),
        (b"\xff\xfe{}", "$"),
        (b"[" * 5000, "$"),
        (b'{"resourceType":"Organization","id":"acme","name":"Acme",}', "$"),
        (b"null", "$.resourceType"),
        (b"[]", "$.resourceType"),
        (b'"Organization"', "$.resourceType"),
        (b"{}", "$.resourceType"),
        (b'{"resourceType":"Organisation","id":"acme"}', "$.resourceType"),
        (b'{"resourceType":"BaseModel","id":"acme"}', "$.resourceType"),
        (b'{"resourceType":"Organization","id":"acme","nmae":"Acme"}', "$.nmae"),
        (b'{"resourceType":"Organization","id":"acme","active":"perhaps"}', "$.active"),
        (b'{"resourceType":"Organization","id":"acme","name":["Acme"]}', "$.name"),
        (
            b'{"resourceType":"Organization","id":"acme","contact":[{"nmae":1}]}',
            "$.contact[0].nmae",
        ),
        (b'{"resourceType":"Organization","id":"not an id","name":"Acme"}', "$.id"),
        (b'{"resourceType":"Organization","name":"Acme"}', "$.id"),
        (b'{"resourceType":"Organization","id":"another","name":"Acme"}', "$.id"),
        (b'{"resourceType":"PlanDefinition","id":"acme"}', "$.status"),
    ],
)
def test_a_broken_file_is_named_with_the_path_of_its_fault(
    tmp_path: Path, body: bytes, where: str
) -> None:
    """Not JSON, no resource, an unknown or ill-typed element, an id that is not the file's."""
    file = tmp_path / "Organization-acme.json"
    file.write_bytes(body)
    error = refused(tmp_path)

    assert (error.path, error.where) == (file, where)
    assert str(error).startswith(f"{file}: {where}: ")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """A path mistyped at start is not an empty library."""
    assert refused(tmp_path / "nowhere").path == tmp_path / "nowhere"


def test_a_file_is_no_library_directory(tmp_path: Path) -> None:
    """`--library` wants directories."""
    file = tmp_path / "Organization-acme.json"
    file.write_bytes(b"{}")

    assert refused(file).path == file


def test_two_resources_with_one_canonical_stop_the_start(tmp_path: Path) -> None:
    """The second file is named, and the first in the message."""
    write_library(
        tmp_path,
        policy(name="one", url="https://a.invalid/p"),
        policy(name="two", url="https://a.invalid/p"),
    )
    error = refused(tmp_path)

    assert (
        error.path.name if isinstance(error.path, Path) else error.path
    ) == "PlanDefinition-two.json"
    assert error.where == "$.url"
    assert "PlanDefinition-one.json" in error.problem


def test_the_same_resource_twice_in_one_directory_stops_the_start(tmp_path: Path) -> None:
    """Overlaying is for directories; within one, a copy left behind is a mistake."""
    write_library(tmp_path / "a", organization())
    write_library(tmp_path / "b", organization(name="Another Acme"))

    assert refused(tmp_path).where == "$.id"


# Overlays.


def test_a_later_directory_replaces_a_resource_whole(tmp_path: Path) -> None:
    """Same type and id: nothing of the earlier one is left."""
    builtin = copy_of_builtin(tmp_path)
    overlay = write_library(tmp_path / "mine", organization("icare", alias=["Mine"]))
    resource = (
        read_library([builtin, overlay]).by_key[ResourceKey("Organization", "icare")].resource
    )

    assert resource == organization("icare", alias=["Mine"])


def test_the_later_of_two_overlays_wins(tmp_path: Path) -> None:
    """The order of `--library` is the order of precedence."""
    first = write_library(tmp_path / "first", organization(name="First"))
    second = write_library(tmp_path / "second", organization(name="Second"))

    assert names_in(first, second) == ["Second"]
    assert names_in(second, first) == ["First"]


def test_a_deployer_adds_a_payer_identifier_without_touching_ours(tmp_path: Path) -> None:
    """The new identifier leads to the payer and its policies; that is what overlays are for."""
    theirs = {"system": "urn:oid:2.16.840.1.113883.6.300", "value": "95885"}
    ours = organization("icare")["identifier"]
    overlay = write_library(tmp_path / "mine", organization("icare", identifier=[*ours, theirs]))
    index = compile_directories(builtin_library(), overlay)

    assert {
        identifier.value
        for payer in index.payers.all
        if payer.id == "icare"
        for identifier in payer.identifiers
    } == {
        "icare",
        "95885",
    }


def test_a_new_version_of_a_replaced_policy_does_not_meet_its_old_self(tmp_path: Path) -> None:
    """An overlaid policy with the same canonical is no duplicate."""
    base = write_library(tmp_path / "base", organization(), policy(rule("old")))
    overlay = write_library(tmp_path / "mine", policy(rule("new")))

    assert [compiled.citation.rule_id for compiled in compile_directories(base, overlay).rules] == [
        "new"
    ]


def test_an_overlay_alone_is_a_library(tmp_path: Path) -> None:
    """Without the built-in one a deployer's directory must stand by itself."""
    alone = write_library(tmp_path, organization(), insurance_plan("acme-hmo", "511"), policy())

    assert [compiled.id for compiled in compile_directories(alone).policies] == ["acme-1"]


def test_a_fault_in_an_overlay_is_named_there(tmp_path: Path) -> None:
    """Ours is not blamed for theirs."""
    overlay = write_library(tmp_path / "mine", organization("icare"))
    change(overlay / "Organization-icare.json", lambda resource: resource.update(unheard="of"))
    with pytest.raises(ArtifactError) as caught:
        read_library([builtin_library(), overlay])

    assert caught.value.path == overlay / "Organization-icare.json"


def test_reading_shows_how_far_it_is(tmp_path: Path) -> None:
    """A library of many thousand files takes a while."""
    progress: list[tuple[int, int]] = []
    write_library(tmp_path, organization("one"), organization("two"))
    read_library([tmp_path], lambda done, of: progress.append((done, of)))

    assert progress == [(1, 2), (2, 2)]
