"""File descriptors: as many connections as this process may open, and some to spare."""

import logging
import resource

_LOG = logging.getLogger("cds_service.web")
_SPARE = 256  # for the database, the journal, key and FHIR servers, and the library's files


def fit_connections(wanted: int) -> int:
    """The connections that may be held: as many as wanted, or what the process has descriptors for.

    Its soft limit is raised as far as needed and allowed. Where that is not enough, a line says so.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _SPARE
    if soft != resource.RLIM_INFINITY and soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        soft = max(soft, allowed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    held = max(1, soft - min(_SPARE, soft // 2))
    _LOG.warning(
        "%d connections are held at most, not %d: this process may open %d files (ulimit -n)",
        *(held, wanted, soft),
    )
    return held
