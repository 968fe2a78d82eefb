"""What the server refuses before the application sees it: an operator sees it all the same."""

import http.client
import json
from pathlib import Path

import pytest
from crd_command import serving, url_of


def test_a_refusal_of_the_server_is_logged_and_counted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A body beyond the limit: the line names the limit, the metric has the status."""
    options = ("--data-dir", tmp_path, "--max-body", "1024", "--log-format", "json")
    with serving(*options) as (_, lines):
        host = url_of(lines).removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("POST", "/cds-services/order-sign-crd", b"x" * 2048)
        refused = connection.getresponse()
        body = json.loads(refused.read())
        connection.close()
        connection.request("GET", "/metrics")
        metrics = connection.getresponse().read().decode()
        connection.close()
    printed = map(json.loads, capfd.readouterr().err.splitlines())
    (line,) = [shown for shown in printed if shown.get("event") == "refused"]

    assert refused.status == 413
    assert body["resourceType"] == "OperationOutcome"
    assert (line["status"], line["cause"]) == (413, "too-long")
    assert "--max-body" in line["message"]
    assert "http_server_request_duration_seconds_count" in metrics
    assert 'http_response_status_code="413"' in metrics
