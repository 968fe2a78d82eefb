"""Long proofs that no answer is lost: `python tests/prove_faults.py kill`, `away`, `locked`, ….

They need loopback and minutes; pytest runs short ones (tests/test_faults.py). On PostgreSQL:

    .ci/postgresql sh -c 'python tests/prove_faults.py away --database "$POSTGRESQL_URL"'
"""

import sys
from pathlib import Path

# This checkout, not a copy that may be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from faults.command import main

    main()
