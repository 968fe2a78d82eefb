"""The compose file: its settings are settings, and no service in it may do more than it must."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from docker.compose_file import COMPOSE, COMPOSED, SERVICES
from docker.compose_file import COMPOSE_TEXT as TEXT
from operating import ROOT

from cds_service.settings import Settings, all_settings, read_settings

PROXY = ROOT / "docker" / "proxy" / "haproxy.cfg"
OURS = ("crd", "migrate", "backup")
IMAGE_TEXT = (ROOT / "docker" / "Dockerfile").read_text("utf-8")
CLIENTS = {"bookworm": 15, "trixie": 17}  # PostgreSQL of a release of Debian
BASE_URL = "https://crd.payer.example"
IMAGE = re.compile(r"\$\{([A-Z]+)_IMAGE:-(?P<name>[a-z0-9./-]+)(?::(?P<tag>[\w.-]+))?\}")
# The longest that a call may be on its way: what is due, and then its record.
DUE, RECORD = 10.0, 4.5


def seconds(text: str) -> int:
    """A time as the file has it."""
    assert text.endswith("s")
    return int(text[:-1])


def environment(service: str) -> dict[str, str]:
    """What the service finds in its environment, with a base URL and nothing else given."""
    written = SERVICES[service]["environment"]
    return {
        name: re.sub(
            r"\$\{(\w+):[-?].*\}", lambda found: {"CRD_BASE_URL": BASE_URL}.get(found[1], ""), value
        )
        for name, value in written.items()
    }


@pytest.mark.parametrize("service", OURS)
def test_its_settings_are_taken_by_the_service(service: str) -> None:
    """Each is one of the table, with a value that can be used."""
    known = {setting.variable for setting in all_settings()}
    settings = read_settings(environment(service) | {"CRD_HOST": "0.0.0.0"}, {})  # noqa: S104

    assert set(environment(service)) <= known
    assert set(re.findall(r"\bCRD_[A-Z_]+", TEXT)) <= known
    assert (settings.workers, settings.auth, settings.base_url) == (2, "jwt", BASE_URL)


def test_the_tables_are_made_with_the_settings_of_the_service() -> None:
    """So that it is the same database."""
    assert environment("migrate") == environment("crd")
    assert SERVICES["migrate"]["command"] == ["audit", "migrate"]


def test_a_backup_is_of_the_store_of_the_service_and_made_when_it_is_asked_for() -> None:
    """Into a directory of this machine, and with the journal and the checkpoints."""
    backup = SERVICES["backup"]
    (place,) = set(backup["volumes"]) - set(SERVICES["crd"]["volumes"])

    assert environment("backup") == environment("crd")
    assert backup["profiles"] == ["backup"]
    assert set(backup["volumes"]) > set(SERVICES["crd"]["volumes"])
    assert backup["command"][:2] == ["audit", "backup"]
    assert backup["command"][2].startswith(f"{place.rpartition(':')[2]}/")


def test_the_backups_programs_are_of_the_release_of_the_database_or_later() -> None:
    """PostgreSQL wants it so; which release a Debian has is as Debian tells."""
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=\S+-slim-(\w+)$", IMAGE_TEXT, re.MULTILINE)
    (server,) = re.findall(r"postgres:(\d+)\.", SERVICES["db"]["image"])

    assert "postgresql-client" in IMAGE_TEXT
    assert int(server) <= CLIENTS[base]
    guide = " ".join((ROOT / "docker" / "README.md").read_text("utf-8").split())
    assert f"Those of the image are of its Debian: PostgreSQL {CLIENTS[base]}." in guide


def test_the_service_starts_once_its_database_has_its_tables() -> None:
    """And the proxy once there is a host."""
    assert SERVICES["crd"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert SERVICES["db"]["healthcheck"]["test"]
    assert SERVICES["proxy"]["depends_on"] == {"crd": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_may_do_more_than_it_must(name: str) -> None:
    """Its files are read-only, it has no capability, and no end of memory or log."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])
    assert name in OURS or re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert "privileged" not in service
    assert "cap_add" not in service


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(OURS)))
def test_images_of_others_are_pinned_by_a_version(name: str) -> None:
    """Whoever runs them may name others, such as by digest."""
    found = IMAGE.fullmatch(SERVICES[name]["image"])

    assert found
    assert found["tag"]
    assert re.search(r"\d+\.\d+", found["tag"])


def test_callers_reach_the_proxy_alone() -> None:
    """What else listens is for this machine."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    beyond = {
        name
        for name, ports in published.items()
        if not all(port.startswith("127.0.0.1:") for port in ports)
    }

    assert beyond == {"proxy"}
    assert "crd" not in published


def test_the_database_is_reached_by_the_service_alone() -> None:
    """On a network that leads nowhere."""
    on_it = {name for name, service in SERVICES.items() if "store" in service["networks"]}

    assert COMPOSED["networks"]["store"] == {"internal": True}
    assert SERVICES["db"]["networks"] == ["store"]
    assert on_it == {"crd", "migrate", "backup", "db"}


def test_no_secret_is_a_variable() -> None:
    """Each is a file, of a directory of the operator's."""
    used = {
        secret if isinstance(secret, str) else secret["source"]
        for service in SERVICES.values()
        for secret in service.get("secrets", [])
    }
    words = re.compile(r"password|secret|key|token", re.IGNORECASE)

    assert used == set(COMPOSED["secrets"])
    assert all("SECRETS_DIR" in secret["file"] for secret in COMPOSED["secrets"].values())
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not words.search(name) or value.startswith("/run/secrets/"), name


def test_what_is_mounted_from_the_checkout_is_there() -> None:
    """Files for the proxy and for those who watch; none can be written."""
    mounts = [
        mount
        for service in SERVICES.values()
        for mount in service.get("volumes", [])
        if mount.startswith("./")
    ]

    assert mounts
    for mount in mounts:
        path, _, mode = mount.split(":")
        assert (COMPOSE.parent / path).exists(), path
        assert mode == "ro"


def test_a_stop_waits_for_calls_under_way() -> None:
    """The service has its time, and the proxy no less."""
    grace = [seconds(SERVICES[name]["stop_grace_period"]) for name in ("crd", "proxy")]

    assert min(grace) > Settings().stop_seconds


def test_the_proxy_takes_what_the_service_takes_and_waits_as_long() -> None:
    """A limit below would refuse what is fine, a time below would lose what was recorded."""
    proxy = PROXY.read_text("utf-8")
    (most,) = re.findall(r"hdr_val\(content-length\) gt (\d+)", proxy)
    (waits,) = re.findall(r"^ *timeout server (\d+)s$", proxy, re.MULTILINE)

    assert int(most) == Settings().max_body
    assert int(waits) > DUE + RECORD


def run(*command: str | Path) -> str:
    """What a command has to find fault with."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr if ran.returncode else ""


def test_it_is_as_the_schema_of_compose_files_has_it() -> None:
    """The published one."""
    validator = (sys.executable, "-m", "check_jsonschema", "--builtin-schema")

    assert run(*validator, "vendor.compose-spec", COMPOSE) == ""


@pytest.mark.image
def test_the_parser_of_docker_compose_takes_it(pytestconfig: pytest.Config) -> None:
    """What it means holds together: networks, volumes and secrets that are named are there."""
    parser = Path(pytestconfig.getoption("--image")) / "tools" / "bin" / "compose-go"
    if not parser.exists():
        pytest.skip("no Go is here that can build it")

    assert run(parser, "-no-interpolation", COMPOSE) == ""
