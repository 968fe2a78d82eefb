"""Kept sets: read back as they were kept, or not at all; and how two of them differ."""

import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from live_sets import keep_set, live_store
from small_library import organization, policy, write_library
from sqlalchemy import Engine, update

from cds_service.audit.libraries import keep_library
from cds_service.audit.payloads import compress
from cds_service.database.engine import writing
from cds_service.database.tables import LIBRARY
from cds_service.errors import ArtifactError, AuditError, NotThereYet, SetRefused
from cds_service.fhir.resource import canonical
from cds_service.live.kept_sets import find_kept, is_digest, read_kept, read_resources, short
from cds_service.live.set_changes import in_one_line, set_changes
from cds_service.policy.library.snapshot import digest


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A store of this release."""
    with live_store(database_url) as opened:
        yield opened


def test_a_kept_set_is_read_back_as_the_same_set(engine: Engine, tmp_path: Path) -> None:
    """Its digest says so; of the directory that it went through nothing is left."""
    name = keep_set(engine, tmp_path)
    policies = read_kept(engine, name)

    assert digest(policies.library) == name
    assert {str(key) for key in policies.library.by_key} == {
        "Organization/acme",
        "PlanDefinition/acme-1",
    }


def test_a_set_that_was_altered_in_the_store_is_refused(engine: Engine, tmp_path: Path) -> None:
    """Whoever owns the database cannot put another under an approved digest."""
    name = keep_set(engine, tmp_path)
    with writing(engine) as connection:
        connection.execute(update(LIBRARY).values(payload=compress(b"[]")))

    for read in (read_kept, read_resources):
        with pytest.raises(SetRefused, match="altered"):
            read(engine, name)


def test_a_damaged_set_and_one_that_is_not_kept_are_refused(engine: Engine, tmp_path: Path) -> None:
    """Each in words of its own."""
    name = keep_set(engine, tmp_path)
    with writing(engine) as connection:
        connection.execute(update(LIBRARY).values(payload=b"?"))

    with pytest.raises(SetRefused, match="damaged"):
        read_kept(engine, name)
    with pytest.raises(SetRefused, match="not kept"):
        read_kept(engine, "sha256:0")


def test_a_set_that_this_program_cannot_read_names_its_artifact_alone(engine: Engine) -> None:
    """Such as one that a newer release kept; the directory it went through is nobody's concern."""
    packed = canonical([{"resourceType": "ValueSet", "id": "x", "status": "active", "new": 1}])
    keep_library(engine, name := f"sha256:{_sha256(packed)}", packed)

    with pytest.raises(ArtifactError) as caught:
        read_kept(engine, name)
    assert str(caught.value).startswith("ValueSet-x.json: $.new: ")


def _sha256(octets: bytes) -> str:
    return sha256(octets).hexdigest()


def test_a_store_that_is_away_is_tried_again(tmp_path: Path) -> None:
    """It is no fault of the set."""
    with live_store(f"sqlite:///{tmp_path / 'crd.sqlite3'}") as engine:
        name = keep_set(engine, tmp_path / "library")
        engine.dispose()
        (tmp_path / "crd.sqlite3").unlink()
        with pytest.raises(NotThereYet):
            read_kept(engine, name)


def test_a_set_that_there_is_no_room_to_unpack_is_tried_again(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as in a container whose file system is read-only: the set is sound all the same."""
    name = keep_set(engine, tmp_path / "library")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    with pytest.raises(NotThereYet, match="temporary files: No such file"):
        read_kept(engine, name)


def test_the_first_digits_name_a_set_if_no_other_begins_so(engine: Engine, tmp_path: Path) -> None:
    """Eight at least; with or without the name of the algorithm, in capitals too."""
    name = keep_set(engine, tmp_path)
    keep_library(engine, "sha256:" + "1" * 64, b"[]")
    keep_library(engine, "sha256:" + "1" * 63 + "2", b"[]")

    for typed in (name, short(name), name.removeprefix("sha256:")[:8].upper()):
        assert find_kept(engine, typed) == name
    for typed, why in (
        ("11111111", "several sets begin"),
        ("99999999", "no set 99999999 is kept"),
        (short(name)[:7], "at least 8"),
        ("policies%", "no digest"),
    ):
        with pytest.raises(AuditError, match=why):
            find_kept(engine, typed)
    assert not is_digest("policies")


def test_two_sets_differ_by_what_is_new_gone_or_another() -> None:
    """Policies first, by id and version; the order of names in an artifact is no difference."""
    before = [policy(name="a", version="1"), policy(name="b", version="1"), organization()]
    after = [
        policy(name="a", version="2"),
        policy(name="c", version="7"),
        dict(reversed(organization().items())),
        organization("other"),
    ]

    changes = set_changes(before, after)
    assert [str(change) for change in changes] == [
        "~ a 1 → 2",
        "- b 1",
        "+ c 7",
        "+ Organization/other",
    ]
    assert in_one_line(changes) == "~ a 1 → 2, - b 1, + c 7, other artifacts +1"
    assert in_one_line(set_changes(after, after)) == ""
    many = set_changes([], [policy(name=f"p-{number:02}") for number in range(15)])
    assert in_one_line(many).endswith("and 3 more policies")


def test_a_library_in_two_directories_is_one_set(engine: Engine, tmp_path: Path) -> None:
    """What is kept has no files, so where these were does not matter."""
    first = keep_set(engine, tmp_path / "first")
    second = keep_set(engine, write_library(tmp_path / "second"))

    assert first == second
