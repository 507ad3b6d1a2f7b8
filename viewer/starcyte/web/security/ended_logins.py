"""EndedLogins: the logins whose users have signed out, so that a copy of the cookie is of no use."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starcyte.curation.accounts import Accounts


class EndedLogins:
    """Ids of logins, until their cookies are too old anyway.

    Parameters
    ----------
    seconds
        The time for which a cookie is valid.
    accounts
        The accounts, whose database keeps the ids over a restart; None without accounts: a restart ends all logins
        unless the token is a setting.
    """

    def __init__(self, seconds: float, accounts: Accounts | None) -> None:
        self._seconds, self._accounts = seconds, accounts
        self._lock = threading.Lock()
        self._until: dict[str, float] = dict(accounts.ended_logins()) if accounts else {}

    def add(self, login: str) -> None:
        """End a login."""
        now = time.time()
        with self._lock:
            self._until = {one: until for one, until in self._until.items() if until > now}
            self._until[login] = now + self._seconds
        if self._accounts is not None:
            self._accounts.end_login(login, now + self._seconds)

    def __contains__(self, login: str) -> bool:
        """Return whether a login was ended."""
        return login in self._until
