"""Another key than that of the records: a service that starts with it, or a person, is told."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from signed_logs import (
    AUDIT_KEY,
    SIGNER,
    START,
    answer_of,
    open_store,
    sequencer_of,
    signer_called,
    write_answers,
    write_records,
)
from sqlalchemy import Engine, delete

from cds_service.audit.key_check import key_fits, tell_of_another_key
from cds_service.audit.mentions import mentions_of
from cds_service.audit.verification import VerificationRequest, verify_log
from cds_service.database.engine import writing
from cds_service.database.tables import MENTION
from cds_service.fhir.resource import decode

OTHER = b"o" * 32


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty store, in a database of each kind."""
    store = open_store(database_url)
    yield store
    store.dispose()


def test_a_key_is_known_by_the_latest_records(engine: Engine) -> None:
    """An empty store fits any key; one whose key was replaced fits the new one."""
    assert key_fits(engine, OTHER)
    write_answers(engine, range(3))
    assert (key_fits(engine, AUDIT_KEY), key_fits(engine, OTHER)) == (True, False)
    record = answer_of(3)
    found_by = mentions_of(decode(record.payload), OTHER)
    write_records(engine, [replace(record, mentions=found_by)])

    assert key_fits(engine, OTHER)


def test_a_service_with_another_key_says_so(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """What it writes is not found by the others, nor what they write by it."""
    write_answers(engine, range(3))
    for key in (AUDIT_KEY, OTHER):
        tell_of_another_key(engine, key)

    assert [record.message for record in caplog.records] == [
        "--audit-key: the latest records of this store were written under another audit key, by "
        "which alone their patients and members are found"
    ]


@pytest.mark.parametrize("is_altered", [True, False])
def test_a_verification_with_another_key_names_it_once(engine: Engine, is_altered: bool) -> None:
    """And finds what else is wrong; that all mentions were removed is not hidden by it either."""
    write_answers(engine, range(3))
    if is_altered:
        with writing(engine) as connection:
            connection.execute(delete(MENTION).where(MENTION.c.name == "patient"))
    request = VerificationRequest(
        verifiers=[SIGNER.verifier],
        audit_key=AUDIT_KEY if is_altered else OTHER,
        copied=None,
        now=START,
    )

    (finding,) = verify_log(engine, request, lambda _done, _of: None).findings
    assert finding.fault == (
        "no patient or member is found by this audit key: it is another one, or all were altered"
    )


def test_two_services_that_sign_with_two_keys_say_so(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each goes on where the other ends; a verification knows one of the keys alone."""
    first = sequencer_of(engine, tmp_path / "checkpoints")
    second = sequencer_of(engine, tmp_path / "checkpoints", signer=signer_called("other", 8))
    with caplog.at_level(logging.WARNING):
        for number, sequencer in enumerate((first, first, second, first)):
            write_answers(engine, [number])
            sequencer.run_round()

    assert [record.message.partition(" was signed")[0] for record in caplog.records] == [
        "sequencer: the checkpoint of size 2",
        "sequencer: the checkpoint of size 3",
    ]
