"""The service without a memory: it keeps no record, to tell what keeping them costs.

Run as a process: `python forgetful.py DIRECTORY`; prints its URL as the service does.
"""

import sys
from collections.abc import Sequence

from cds_service.app import build_service, open_site
from cds_service.audit.health import StoreHealth
from cds_service.audit.record import AuditRecord
from cds_service.settings import Settings
from cds_service.web.listener import ServerLimits
from cds_service.web.logs import configure_logs
from cds_service.web.server import bind, serve_until_stopped


class ForgetfulLog:
    """An `AuditLog` that keeps nothing; its records are made all the same."""

    def write(self, record: AuditRecord) -> None:
        """Forget."""

    def write_feedback(self, feedback: Sequence[AuditRecord]) -> None:
        """Forget."""

    def health(self) -> StoreHealth:
        """Always well."""
        return StoreHealth()

    def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    """Serve as the service does, until stopped."""
    settings = Settings(data_dir=sys.argv[1])
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    bound = bind(settings.host, 0)
    url = f"http://{settings.host}:{bound.getsockname()[1]}"
    service = build_service(settings, ehr=None, log=ForgetfulLog(), audit_key=b"k" * 32)
    site = open_site(service, settings)
    serve_until_stopped(
        site.app,
        bound,
        limits=ServerLimits(threads=settings.threads),
        ready=lambda: print(f"forgetful on {url} ", flush=True),
        stopping=site.readiness.stopping,
        refused=site.count_refusal,
    )


if __name__ == "__main__":
    main()
