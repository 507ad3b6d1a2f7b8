"""``python -m starcyte_galaxy`` is the command ``starcyte-galaxy``."""

import sys

from starcyte_galaxy.cli import main

if __name__ == "__main__":
    sys.exit(main())
