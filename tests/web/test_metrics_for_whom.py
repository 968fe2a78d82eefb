"""Who may read /metrics: operators; where none is registered, whoever is on this machine."""

from pathlib import Path

import pytest
from fakes import FakeLog

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.settings import Settings

OPERATOR = f'[operators.maria]\ntoken_sha256 = "{"0" * 64}"\n'


@pytest.mark.parametrize(
    ("host", "clients", "status"),
    [
        ("127.0.0.1", "", 200),
        ("0.0.0.0", "", 401),  # noqa: S104
        ("127.0.0.1", OPERATOR, 401),
    ],
)
def test_metrics_are_free_on_this_machine_alone(
    tmp_path: Path, host: str, clients: str, status: int
) -> None:
    """And no longer once there is somebody whose they are."""
    file = tmp_path / "clients.toml"
    file.write_text(clients)
    file.chmod(0o600)
    settings = Settings(host=host, allow_open=True, clients=str(file))
    service = build_service(settings, ehr=None, log=FakeLog())

    assert open_site(service, settings).app.test_client().get("/metrics").status_code == status
