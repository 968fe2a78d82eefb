"""The compose file as the tests read it."""

import re
from collections.abc import Mapping
from typing import Any

from operating import ROOT
from operations.manifests import read_yaml

COMPOSE = ROOT / "docker" / "compose.yaml"
COMPOSE_TEXT = COMPOSE.read_text("utf-8")
COMPOSED = read_yaml(COMPOSE)
SERVICES: Mapping[str, Any] = COMPOSED["services"]
OURS = "${SERVICE_IMAGE:-crd-service}"
_STANDS_IN = re.compile(r"\$\{[A-Z]+_IMAGE:-([^}]+)\}")
# Images of others, in their order.
IMAGES = tuple(
    dict.fromkeys(
        _STANDS_IN.sub(r"\1", service["image"])
        for service in SERVICES.values()
        if service["image"] != OURS
    )
)


def readers_of_secrets() -> Mapping[str, int]:
    """Who reads each file of secrets, by the number of that user."""
    found: dict[str, int] = {}
    for service in SERVICES.values():
        for secret in service.get("secrets", []):
            name = secret if isinstance(secret, str) else secret["source"]
            file = COMPOSED["secrets"][name]["file"].rpartition("/")[2]
            reader = int(_user(service).partition(":")[0])
            assert found.setdefault(file, reader) == reader, f"two users read {file}"
    return found


def _user(service: Mapping[str, Any]) -> str:
    if "user" in service:
        return str(service["user"])
    (user,) = re.findall(r"^USER (.+)$", (ROOT / "docker" / "Dockerfile").read_text("utf-8"), re.M)
    return str(user)
