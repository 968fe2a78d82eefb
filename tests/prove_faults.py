"""Long proofs that no answer is lost: `python tests/prove_faults.py kill`, `… away`.

They need loopback and minutes; pytest does not collect them.
"""

import sys
from pathlib import Path

# This checkout, not a copy that may be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from faults.command import main

    main()
