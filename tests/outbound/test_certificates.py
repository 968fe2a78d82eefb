"""How long a server's certificate is valid, asked as the service itself connects."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_ehr import FakeEhr, bundle
from outbound.certificates import Authority, make_signer

from cds_service.errors import RequestFailed
from cds_service.outbound.certificates import certificate_end


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(
        tmp_path_factory.mktemp("certificates"), make_signer("authority.example.invalid")
    )


def test_the_end_of_a_trusted_certificate_is_known(authority: Authority) -> None:
    """To the day, so that somebody can be written to in time."""
    with FakeEhr(bundle(), tls=authority.server(days=20)) as server:
        ends = certificate_end(server.base, ca_file=authority.ca_file, seconds=10)

    assert ends
    assert timedelta(days=19) < ends - datetime.now(UTC) <= timedelta(days=20)


def test_without_tls_there_is_none() -> None:
    """Nothing is connected to."""
    assert certificate_end("http://127.0.0.1:9/fhir", ca_file="", seconds=1) is None


@pytest.mark.parametrize("is_trusted", [False, True], ids=["not ours to trust", "nobody there"])
def test_one_that_is_not_to_be_had_is_a_cause_in_words(
    authority: Authority, tmp_path: Path, is_trusted: bool
) -> None:
    """An authority that we do not know, or no server at all."""
    with FakeEhr(bundle(), tls=authority.server()) as server:
        base = server.base
        if not is_trusted:
            with pytest.raises(RequestFailed, match="not to be had"):
                certificate_end(base, ca_file="", seconds=10)
    if is_trusted:
        with pytest.raises(RequestFailed, match="not to be had"):
            certificate_end(base, ca_file=authority.ca_file, seconds=10)
