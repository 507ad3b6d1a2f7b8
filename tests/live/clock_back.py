"""The command, with a clock that is set back an hour whenever it is asked for the time of a change."""

import sys
from datetime import UTC, datetime, timedelta

from starcyte.cli import main
from starcyte.curation.database import store as db

_now = datetime.now(UTC)


class Back:
    """In place of ``datetime``."""

    @staticmethod
    def now(_zone: object) -> datetime:
        global _now
        _now -= timedelta(hours=1)
        return _now


if __name__ == "__main__":
    db.datetime = Back  # type: ignore[assignment,misc]
    sys.exit(main())
