"""Sources that mean harm, or are cut short: nothing is written, and it is said why."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from imports import JsonObject, bundle, file_entry, package, snapshot, take_in
from small_library import insurance_plan, organization, policy

from cds_service.errors import ExchangeError
from cds_service.exchange.incoming.delivery import LARGEST, MOST_BYTES
from cds_service.fhir.resource import encode


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """An entry that is no file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


ENTRIES = {
    "a symbolic link": special("package/Organization-a.json", tarfile.SYMTYPE, "/etc/passwd"),
    "a hard link": special("package/Organization-a.json", tarfile.LNKTYPE, "/etc/passwd"),
    "a device": special("package/null.json", tarfile.CHRTYPE),
    "a pipe": special("package/pipe.json", tarfile.FIFOTYPE),
    "a parent folder": file_entry("package/../../Organization-a.json", organization("a")),
    "an absolute name": file_entry("/package/Organization-a.json", organization("a")),
    "backslashes": file_entry("package\\..\\a.json", organization("a")),
    "a name that is too long": file_entry(f"package/{'n' * 256}.json", organization("a")),
    "a control character": file_entry("package/a\x1b[2J.json", organization("a")),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_package_with_what_no_package_holds_is_refused(tmp_path: Path, entry: str) -> None:
    """Whatever else is in it; and no character of a name reaches the terminal as it is."""
    sent = package(
        tmp_path / "sent.tgz",
        file_entry("package/Organization-b.json", organization("b")),
        ENTRIES[entry],
    )

    with pytest.raises(ExchangeError, match="the package holds") as raised:
        take_in(sent, tmp_path / "taken")

    assert str(raised.value).isprintable()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sent.tgz"]


def test_a_bomb_is_put_out_before_it_is_unpacked(tmp_path: Path) -> None:
    """An entry of more bytes than are read, in a few hundred thousand; even if it is not wanted."""
    head = tarfile.TarInfo("other/zeros")
    head.size = MOST_BYTES + 1
    with gzip.open(tmp_path / "bomb.tgz", "wb", compresslevel=1) as bomb:
        bomb.write(head.tobuf())
        for _ in range((MOST_BYTES >> 20) + 1):
            bomb.write(bytes(1 << 20))

    with pytest.raises(ExchangeError, match="more than 256 MB, unpacked"):
        take_in(tmp_path / "bomb.tgz", tmp_path / "taken")


def test_an_extended_header_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    """The library that reads tar files has no word of its own for it."""
    entry, body = file_entry("package/Organization-x.json", organization())
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    sent = package(tmp_path / "sent.tgz", (entry, body))

    with pytest.raises(ExchangeError, match="no FHIR package"):
        take_in(sent, tmp_path / "taken")


def test_a_pipe_among_the_files_is_refused(tmp_path: Path) -> None:
    """Nobody waits for what is never written."""
    (tmp_path / "sent").mkdir()
    os.mkfifo(tmp_path / "sent" / "Organization-x.json")

    with pytest.raises(ExchangeError, match="neither a file"):
        take_in(tmp_path / "sent", tmp_path / "taken")


def test_a_package_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    """At any byte: half a set may be looser than the whole."""
    whole = package(
        tmp_path / "sent.tgz",
        *(file_entry(f"package/{name}.json", organization(name)) for name in "abc"),
    ).read_bytes()
    for end in range(2, len(whole) - 1, 40):
        (tmp_path / "cut.tgz").write_bytes(whole[:end])
        with pytest.raises(ExchangeError):
            take_in(tmp_path / "cut.tgz", tmp_path / "taken")


def test_a_file_that_is_compressed_and_no_package_is_refused(tmp_path: Path) -> None:
    """In words of ours."""
    (tmp_path / "sent.tgz").write_bytes(gzip.compress(b"hello" * 1000))

    with pytest.raises(ExchangeError, match="no FHIR package"):
        take_in(tmp_path / "sent.tgz", tmp_path / "taken")


TWICE = b'{"resourceType":"Organization","id":"a","name":"A","name":"B"}'
DEEP = b'{"resourceType":"ValueSet","id":"a","x":' + b"[" * 150 + b"]" * 150 + b"}"
DEEPEST = b'{"resourceType":"ValueSet","id":"a","x":' + b"[" * 90_000 + b"]" * 90_000 + b"}"
BODIES = {
    "no JSON": (b"{", "not JSON"),
    "another encoding": ('{"resourceType": "Räume"}'.encode("latin-1"), "not JSON"),
    "a member twice": (TWICE, "names a member twice"),
    "nested deep": (DEEP, "nested too deep"),
    "nested very deep": (DEEPEST, "nested too deep"),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("form", ["package", "ndjson", "file"])
def test_json_that_cannot_be_trusted_is_a_finding(tmp_path: Path, form: str, name: str) -> None:
    """With its place; what else came is not taken either."""
    body, words = BODIES[name]
    good = organization("good")
    match form:
        case "package":
            bad = file_entry("package/bad.json", body)
            sent = package(tmp_path / "s.tgz", bad, file_entry("package/good.json", good))
        case "ndjson":
            sent = tmp_path / "Organization.ndjson"
            sent.write_bytes(encode(good) + b"\n" + body + b"\n")
        case _:
            sent = tmp_path / "bad.json"
            sent.write_bytes(body)

    imported = take_in(sent, tmp_path / "taken")

    assert [fault.where for fault in imported.faults] == ["$"]
    assert words in imported.faults[0].problem
    assert not (tmp_path / "taken").exists()


IDS: tuple[object, ...] = (
    "../../etc/cron.d/x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "",
    " a",
    "a" * 65,
    "ä",
    7,
    None,
    ["a"],
)


@pytest.mark.parametrize("name", IDS, ids=ascii)
def test_an_id_that_is_none_is_a_finding(tmp_path: Path, name: object) -> None:
    """No file is ever named by it."""
    sent = bundle(tmp_path / "sent.json", {**organization(), "id": name}, organization("good"))

    imported = take_in(sent, tmp_path / "taken")

    assert [fault.where for fault in imported.faults] == ["$.id"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sent.json"]


def test_names_that_differ_in_capitals_alone_are_a_finding(tmp_path: Path) -> None:
    """Many file systems have one file for both; also beside what is there."""
    taken = tmp_path / "taken"
    take_in(bundle(tmp_path / "first.json", organization("acme")), taken)
    before = snapshot(taken)
    other = organization("ACME", identifier=[{"system": "urn:other", "value": "1"}])

    imported = take_in(bundle(tmp_path / "second.json", other), taken)

    assert "nothing but capitals" in imported.faults[0].problem
    assert snapshot(taken) == before


def test_the_same_artifact_twice_comes_in_once_and_two_that_differ_do_not(tmp_path: Path) -> None:
    """Which of the two was meant nobody can tell."""
    twice = bundle(tmp_path / "twice.json", organization(), organization())
    torn = bundle(tmp_path / "torn.json", organization(), organization(alias=["Other"]))

    assert len(take_in(twice, tmp_path / "taken").arriving) == 1
    assert "they differ" in take_in(torn, tmp_path / "other").faults[0].problem


def test_entries_that_are_no_resources_are_passed_over_and_named(tmp_path: Path) -> None:
    """Each with the reason."""
    sent = package(
        tmp_path / "sent.tgz",
        file_entry("package/package.json", b"{}"),
        file_entry("package/.index.json", b"{}"),
        file_entry("package/note.json", b"[1, 2]"),
        file_entry("package/other/page.html", b"<p>"),
        file_entry("package/example/Patient-p.json", {"resourceType": "Patient", "id": "p"}),
        file_entry("package/Patient-q.json", {"resourceType": "Patient", "id": "q"}),
        file_entry("package/Organization-acme.json", organization()),
    )

    imported = take_in(sent, tmp_path / "taken")

    assert list(snapshot(tmp_path / "taken")) == ["Organization-acme.json"]
    assert [place for place, _ in imported.passed_over] == [
        "package/note.json",
        "package/example/ (1)",
        "package/other/ (1)",
        "Patient (1)",
    ]


def test_an_export_of_another_set_cannot_rewrite_ours(tmp_path: Path) -> None:
    """An artifact of the built-in library that came changed needs --replace."""
    changed: JsonObject = {
        "resourceType": "Organization",
        "id": "icare",
        "identifier": [{"system": "https://evil.invalid", "value": "icare"}],
        "name": "iCare",
    }

    imported = take_in(bundle(tmp_path / "sent.json", changed), tmp_path / "taken")

    assert any("--replace" in fault.problem for fault in imported.faults)
    assert not (tmp_path / "taken").exists()


def test_a_line_that_is_too_large_is_a_finding(tmp_path: Path) -> None:
    """It is read no further than to where it is too large."""
    sent = tmp_path / "Organization.ndjson"
    sent.write_bytes(b'{"resourceType":"Organization","id":"a","name":"' + b"x" * LARGEST + b'"}')

    imported = take_in(sent, tmp_path / "taken")

    assert imported.faults[0].problem == "larger than 16 MB"
    assert not (tmp_path / "taken").exists()


def test_a_bundle_of_history_is_refused(tmp_path: Path) -> None:
    """Its entries are versions, not resources as they are."""
    sent = bundle(tmp_path / "sent.json", organization(), kind="history")

    with pytest.raises(ExchangeError, match="a Bundle of type `history`"):
        take_in(sent, tmp_path / "taken")


def test_a_deletion_is_not_taken_for_a_resource(tmp_path: Path) -> None:
    """It is named as what is not done."""
    entry = {"request": {"method": "DELETE", "url": "PlanDefinition/x"}}
    body = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    (tmp_path / "sent.json").write_bytes(encode(body))

    imported = take_in(tmp_path / "sent.json", tmp_path / "taken")

    assert [why for _, why in imported.passed_over] == [
        "asks for DELETE; only resources are taken in"
    ]


def test_ids_that_another_server_gave_are_those_that_are_here(tmp_path: Path) -> None:
    """An artifact is known by its url and version, a payer by an identifier, and so is named."""
    taken = tmp_path / "taken"
    here = (organization(), insurance_plan("gold"), policy())
    take_in(bundle(tmp_path / "first.json", *here), taken)
    before = snapshot(taken)
    there = (
        organization(id="101", meta={"versionId": "1", "source": "#x"}),
        insurance_plan("gold", owner="101", id="102"),
        policy(id="103", meta={"lastUpdated": "2026-01-01T00:00:00Z"}),
    )

    imported = take_in(bundle(tmp_path / "second.json", *there, kind="searchset"), taken)

    assert imported.faults == ()
    assert [f"{known.came} {known.here}" for known in imported.renamed] == [
        "InsurancePlan/102 InsurancePlan/gold",
        "Organization/101 Organization/acme",
        "PlanDefinition/103 PlanDefinition/acme-1",
    ]
    assert snapshot(taken) == before


def test_an_id_stands_in_the_request_or_the_address_of_an_entry(tmp_path: Path) -> None:
    """Where the resource has none itself."""
    bare = {name: value for name, value in organization().items() if name != "id"}
    entry = {"resource": bare, "request": {"method": "PUT", "url": "Organization/acme"}}
    body = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    (tmp_path / "sent.json").write_bytes(encode(body))

    take_in(tmp_path / "sent.json", tmp_path / "taken")

    assert list(snapshot(tmp_path / "taken")) == ["Organization-acme.json"]


def test_an_extended_header_that_never_ends_is_counted_too(tmp_path: Path) -> None:
    """A pax header is read into memory before any name is known."""
    head = tarfile.TarInfo("././@PaxHeader")
    head.type, head.size = tarfile.XHDTYPE, MOST_BYTES * 4
    stream = io.BytesIO()
    with gzip.open(stream, "wb", compresslevel=1) as bomb:
        bomb.write(head.tobuf())
        for _ in range((MOST_BYTES >> 20) + 1):
            bomb.write(bytes(1 << 20))
    (tmp_path / "bomb.tgz").write_bytes(stream.getvalue())

    with pytest.raises(ExchangeError, match="unpacked"):
        take_in(tmp_path / "bomb.tgz", tmp_path / "taken")
