"""The long proof of several hosts on one store: `python tests/prove_hosts.py --database URL`.

It needs a PostgreSQL, HAProxy (Debian: haproxy) and a C compiler; all of it is on loopback:

    .ci/postgresql sh -c 'python tests/prove_hosts.py --database "$POSTGRESQL_URL"'
"""

import sys
from pathlib import Path

# This checkout, not a copy that may be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from hosts.command import main

    main()
