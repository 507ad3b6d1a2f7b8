"""Who may come in, and what they may do.

Modes (setting ``access``): *none*, everybody; *token*, whoever has the link that is printed at the start; *password*,
accounts; *proxy*, whoever a trusted proxy names in a header. Each request is one of an identity with a role; each route
needs a role. What is not in the table below needs *read* where it reads and *annotate* where it changes something.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Response, current_app, g, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from starcyte.errors import BadRequest, Forbidden, NotFound, NotSignedIn, SettingInvalid, TooManyRequests
from starcyte.settings import Settings
from starcyte.web.contract.login import Mode, RoleName
from starcyte.web.csrf import client_address, current_user, is_secure, site_prefix
from starcyte.web.responses import ResponseOf
from starcyte.web.throttle import Throttle

if TYPE_CHECKING:
    from starcyte.curation.accounts import Accounts

R = TypeVar("R", bound=Response)

_FORGET_SECONDS, _PACE_SECONDS = 300.0, 60.0


class Role(IntEnum):
    """What somebody may do: each may do what those before may."""

    NOBODY = 0
    READ = 1
    ANNOTATE = 2
    ADMIN = 3


#: What a route needs where its method does not say it. NOBODY: everybody may ask.
NEEDED: Mapping[str, Role] = {
    "asset": Role.NOBODY,
    "health.health": Role.NOBODY,
    "catalog.health": Role.NOBODY,
    "robots": Role.NOBODY,
    "login_page": Role.NOBODY,
    "session.show": Role.NOBODY,
    "session.begin": Role.NOBODY,
    "session.end": Role.NOBODY,
    # checks the role itself, unless the setting metrics opens it
    "metrics.metrics": Role.NOBODY,
    # they change nothing but the time that is spent
    "analysis.diffexp": Role.READ,
    "analysis.markers": Role.READ,
    "analysis.job_cancel": Role.READ,
    "shutdown.keep": Role.READ,
    "catalog.status": Role.ADMIN,
    "status_page": Role.ADMIN,
}
_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Identity:
    """Who asks.

    Parameters
    ----------
    user
        The name; empty where users are not told apart.
    role
        What they may do where a dataset says nothing else.
    """

    user: str
    role: Role


class Access:
    """The door of one server.

    Parameters
    ----------
    settings
        ``access``, ``public``, ``role``, ``admins``, ``token``, ``session_seconds``, ``max_login_failures`` and
        those of the proxy are used.
    accounts
        Of mode *password*.

    Raises
    ------
    SettingInvalid
        If the settings contradict each other.
    """

    def __init__(self, settings: Settings, accounts: Accounts | None = None) -> None:
        self._settings, self._accounts = settings, accounts
        self.mode = cast(Mode, settings.access or "none")
        self._role = _role(settings.role)
        self._admins = {name.strip() for name in settings.admins.split(",") if name.strip()}
        self.token: str = settings.token or secrets.token_urlsafe(24)
        secret = accounts.secret if accounts else self.token
        self._sessions = URLSafeTimedSerializer(secret, salt="starcyte-session")
        # cookies know no ports: two servers of one machine must not take each other's
        self._cookie = f"starcyte_{blake2b(secret.encode(), digest_size=4).hexdigest()}"
        self._throttle = Throttle(settings.max_login_failures, _FORGET_SECONDS)
        self._pace = Throttle(
            settings.max_requests, _PACE_SECONDS, TooManyRequests, "You ask too often (setting max_requests)."
        )

    def identify(self) -> Identity | None:
        """Return who asks; None for somebody who has not come in."""
        settings = self._settings
        if self.mode == "none":
            user = current_user(settings)
            return Identity(user, self._role if settings.public else Role.ADMIN)
        if self.mode == "proxy":
            user = current_user(settings)
            return Identity(user, Role.ADMIN if user in self._admins else self._role) if user else None
        if self.mode == "token":
            return Identity("", self._role) if self._has_token() else None
        return self._account()

    def let_in(
        self, dataset: str = "", roles: Mapping[str, str] | None = None, missing: NotFound | None = None
    ) -> Role:
        """Return what the present request may do, and refuse it where its route needs more.

        Parameters
        ----------
        dataset
            What to call the dataset in a refusal.
        roles
            Its own roles: user, or ``*`` for all others, to role.
        missing
            Raised for who may not even see the dataset, as if it were not there; None: a refusal.

        Raises
        ------
        NotSignedIn
            If it comes from nobody.
        NotFound
            If who it comes from may not even see it.
        Forbidden
            If who it comes from may not do this.
        """
        needed = needed_role(request.endpoint, request.method)
        try:
            identity = self.identify()
        except Forbidden:
            if needed == Role.NOBODY:
                return Role.NOBODY
            raise
        g.identity = identity
        role = Role.NOBODY if identity is None else role_here(identity, roles)
        if missing is not None and identity is not None and role == Role.NOBODY and request.endpoint != "asset":
            raise missing
        if role >= needed or request.endpoint is None:
            return role
        if identity is None:
            raise NotSignedIn(
                "You have not signed in.",
                {
                    "token": "Open the link that starcyte printed when it was started.",
                    "proxy": "Come by way of the site, which says who you are.",
                }.get(self.mode, "Sign in, then try again."),
            )
        raise Forbidden(
            f"This needs the role {needed.name.lower()}{f' in {dataset!r}' if dataset else ''}; yours is "
            f"{role.name.lower()}.",
            "Ask the operator of this server.",
        )

    def slow_down(self) -> None:
        """Count the present request, where it is one to the interface, and raise TooManyRequests beyond the limit."""
        if not self._settings.max_requests or needed_role(request.endpoint, request.method) == Role.NOBODY:
            return
        identity = g.get("identity")
        named = identity is not None and identity.user
        key = f"user:{identity.user}" if named else f"address:{client_address(self._settings)}"
        self._pace.check(key)
        self._pace.fail(key)

    def sign_in(self, name: str, password: str) -> ResponseOf[None]:
        """Check a password, and begin a session.

        Raises
        ------
        TooManyAttempts
            If this name, or this address, has failed too often.
        NotSignedIn
            If the password is another, or there is no such account.
        """
        if self._accounts is None:
            raise BadRequest("Nobody signs in here by a password.", "Open the page itself.")
        keys = (f"user:{name[:200]}", f"address:{client_address(self._settings)}")
        self._throttle.check(*keys)
        account = self._accounts.check(name, password)
        if account is None:
            self._throttle.fail(*keys)
            raise NotSignedIn("Wrong user name or password.", "Check both, and try again.")
        response: ResponseOf[None] = ResponseOf(status=204)
        return self.remember(response, {"user": account.name, "generation": account.generation})

    def takes(self, token: str) -> bool:
        """Say whether this is the token; raise TooManyAttempts where the address has sent too many that are not."""
        key = f"address:{client_address(self._settings)}"
        self._throttle.check(key)
        right = self.mode == "token" and hmac.compare_digest(token.encode(), self.token.encode())
        if not right:
            self._throttle.fail(key)
        return right

    def remember(self, response: R, who: Mapping[str, str]) -> R:
        """Begin a session with an answer."""
        response.set_cookie(
            self._cookie,
            self._sessions.dumps(dict(who)),
            max_age=int(self._settings.session_seconds),
            path=f"{site_prefix(self._settings)}/",
            secure=is_secure(self._settings),
            httponly=True,
            samesite="Lax",
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def forget(self, response: R) -> R:
        """End the session with an answer."""
        response.delete_cookie(self._cookie, path=f"{site_prefix(self._settings)}/", httponly=True, samesite="Lax")
        response.headers["Cache-Control"] = "no-store"
        return response

    def _session(self) -> dict[str, Any] | None:
        given = request.cookies.get(self._cookie)
        if not given:
            return None
        try:
            said = self._sessions.loads(given, max_age=int(self._settings.session_seconds))
        except BadSignature:
            return None
        return said if isinstance(said, dict) else None

    def _has_token(self) -> bool:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.takes(given.strip())
        return self._session() is not None

    def _account(self) -> Identity | None:
        said = self._session()
        if said is None or self._accounts is None:
            return None
        account = self._accounts.get(str(said.get("user")))
        # an account that was removed, or has another password by now, has no sessions
        if account is None or not hmac.compare_digest(account.generation, str(said.get("generation"))):
            return None
        return Identity(account.name, _role(account.role))


def needed_role(endpoint: str | None, method: str) -> Role:
    """Return the role that a route needs."""
    if endpoint is not None and endpoint in NEEDED:
        return NEEDED[endpoint]
    return Role.READ if method in _SAFE else Role.ANNOTATE


def access() -> Access:
    """Return the door of the application that answers the present request."""
    return cast(Access, current_app.extensions["starcyte_access"])


def role_name(role: Role) -> RoleName:
    """Return the name of a role in requests and settings."""
    return cast(RoleName, role.name.lower())


def _role(name: str) -> Role:
    try:
        role = Role[name.upper()]
    except KeyError:
        role = Role.NOBODY
    if role == Role.NOBODY:
        raise SettingInvalid(f"There is no role {name!r}.", "Roles: read, annotate, admin.")
    return role


def role_here(identity: Identity, roles: Mapping[str, str] | None) -> Role:
    """Return what somebody may do in a dataset; those who administer the server may do all everywhere."""
    if not roles or identity.role == Role.ADMIN:
        return identity.role
    name = roles.get(identity.user) if identity.user else None
    name = name or roles.get("*")
    return identity.role if name is None else Role.NOBODY if name == "none" else _role(name)
