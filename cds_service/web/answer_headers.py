"""Headers of every answer, whether of the application or of the server before it."""

from collections.abc import Mapping
from types import MappingProxyType

# Any page may call, with no credentials of a browser (CDS Hooks, CORS). No answer is taken for
# another type, and no address of ours, which may name an assertion, goes to other sites.
ANSWER_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
)
