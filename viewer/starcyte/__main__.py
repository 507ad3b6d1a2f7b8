"""``python -m starcyte`` is the command ``starcyte``."""

import sys

from starcyte.cli import main

if __name__ == "__main__":
    sys.exit(main())
