"""Authentication and authorization.

Modes (setting ``access``): *none*, no authentication; *token*, the link that is printed at the start; *password*,
accounts; *proxy*, a user named by a trusted proxy in a header. Each request has an identity with a role, and each
route requires a role: that of the table below, else *read* for a safe method and *annotate* for any other.
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
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.security.admission import HEAD_ONLY
from starcyte.web.security.ended_logins import EndedLogins
from starcyte.web.security.proxy import client_address, current_user, is_secure, server_prefix
from starcyte.web.security.throttle import Throttle

if TYPE_CHECKING:
    from starcyte.curation.accounts import Accounts

R = TypeVar("R", bound=Response)

_FAILURE_SECONDS, _RATE_SECONDS = 300.0, 60.0
_EVERYWHERE = 10


class Role(IntEnum):
    """A role, with the permissions of the ones before it."""

    NOBODY = 0
    READ = 1
    ANNOTATE = 2
    ADMIN = 3


#: The roles of routes that do not follow from the method; NOBODY: no authentication required
REQUIRED_ROLES: Mapping[str, Role] = {
    "asset": Role.NOBODY,
    "health.health": Role.NOBODY,
    "catalog.health": Role.NOBODY,
    "robots": Role.NOBODY,
    "login_page": Role.NOBODY,
    "login.show": Role.NOBODY,
    "login.begin": Role.NOBODY,
    "login.end": Role.NOBODY,
    # checks the role itself, unless the setting metrics makes it public
    "metrics.metrics": Role.NOBODY,
    # POST requests that change nothing
    "cells.cell_names": Role.READ,
    "cells.match_cells": Role.READ,
    "summaries.summary_within": Role.READ,
    "summaries.distribution_within": Role.READ,
    "summaries.histogram_within": Role.READ,
    "summaries.correlation_within": Role.READ,
    "curation.agreement_within": Role.READ,
    "analysis.diffexp": Role.READ,
    "analysis.each": Role.READ,
    "analysis.markers": Role.READ,
    "analysis.means": Role.READ,
    "analysis.job_cancel": Role.READ,
    "enrichment.enrichment": Role.READ,
    "samples.composition": Role.READ,
    "samples.design": Role.READ,
    "samples.pseudobulk": Role.READ,
    "summaries.score_of_many": Role.READ,
    "shutdown.keep": Role.READ,
    "catalog.status": Role.ADMIN,
    "status_page": Role.ADMIN,
}
_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Identity:
    """The user of a request and their role.

    Parameters
    ----------
    user
        The name; empty if all users share one.
    role
        Their role in datasets without roles of their own.
    """

    user: str
    role: Role


class Access:
    """Authentication and authorization of one server.

    Parameters
    ----------
    settings
        ``access``, ``public``, ``role``, ``admins``, ``token``, ``login_seconds``, ``max_login_failures`` and
        those of the proxy are used.
    accounts
        The accounts of mode *password*.

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
        self._serializer = URLSafeTimedSerializer(secret, salt="starcyte-login")
        # cookies do not depend on the port: two servers on one machine must not share one
        self._cookie = f"starcyte_{blake2b(secret.encode(), digest_size=4).hexdigest()}"
        self._throttle = Throttle(settings.max_login_failures, _FAILURE_SECONDS)
        # of a user from all addresses
        self._everywhere = Throttle(_EVERYWHERE * settings.max_login_failures, _FAILURE_SECONDS)
        self._ended = EndedLogins(settings.login_seconds, accounts)
        self._rate = Throttle(
            settings.max_requests,
            _RATE_SECONDS,
            TooManyRequests,
            f"Too many requests. The limit is {settings.max_requests} a minute (max_requests).",
        )

    def identify(self) -> Identity | None:
        """Return the identity of the present request; None if it is not authenticated."""
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

    def authorize(
        self, dataset: str = "", roles: Mapping[str, str] | None = None, missing: NotFound | None = None
    ) -> Role:
        """Return the role of the present request; refuse the request if its route requires another.

        Parameters
        ----------
        dataset
            The dataset, for the message.
        roles
            The dataset's own roles by user, with ``*`` for all others.
        missing
            Raised for a user who must not see that the dataset exists; None raises Forbidden.

        Raises
        ------
        NotSignedIn
            If the request is not authenticated.
        NotFound
            If the user must not see the dataset.
        Forbidden
            If the role of the user is not sufficient.
        """
        required = required_role(request.endpoint, request.method)
        try:
            identity = self.identify()
        except Forbidden:
            if required == Role.NOBODY:
                return Role.NOBODY
            raise
        g.identity = identity
        role = Role.NOBODY if identity is None else role_in_dataset(identity, roles)
        if missing is not None and identity is not None and role == Role.NOBODY and request.endpoint != "asset":
            raise missing
        if role >= required or request.endpoint is None:
            return role
        if identity is None:
            raise NotSignedIn(
                "You are not signed in.",
                {
                    "token": "Open the link that starcyte printed at its start.",
                    "proxy": "Open this page through the site that signs you in.",
                }.get(self.mode, "Sign in and try again."),
            )
        raise Forbidden(
            f"This requires the role {required.name.lower()}{f' in {dataset!r}' if dataset else ''}."
            f" Your role is {role.name.lower()}.",
            "Ask the operator of this server.",
        )

    def limit_rate(self) -> None:
        """Count the present request if it is one to the interface; raise TooManyRequests if it is over the limit."""
        if not self._settings.max_requests or required_role(request.endpoint, request.method) == Role.NOBODY:
            return
        identity = g.get("identity")
        named = identity is not None and identity.user
        key = f"user:{identity.user}" if named else f"address:{client_address(self._settings)}"
        self._rate.check(key)
        if HEAD_ONLY not in request.environ:  # counted when it is here as a whole
            self._rate.fail(key)

    def sign_in(self, name: str, password: str) -> ResponseOf[None]:
        """Check a password, and set the login cookie.

        Raises
        ------
        TooManyAttempts
            If the name or the address has failed too often.
        NotSignedIn
            If name or password are wrong.
        """
        if self._accounts is None:
            raise BadRequest("This server has no passwords (access).", "Open the page itself.")
        # by user and address together: failures elsewhere do not keep a user out
        user, address = f"user:{name[:200]}", f"address:{client_address(self._settings)}"
        keys = (f"{user} {address}", address)
        self._throttle.check(*keys)
        self._everywhere.check(user)
        account = self._accounts.check(name, password)
        if account is None:
            self._throttle.fail(*keys)
            self._everywhere.fail(user)
            raise NotSignedIn("Wrong user name or password.", "Check both and try again.")
        response: ResponseOf[None] = ResponseOf(status=204)
        return self.remember(response, {"user": account.name, "generation": account.generation})

    def check_token(self, token: str) -> bool:
        """Return whether this is the token; raise TooManyAttempts if the address has sent too many wrong ones."""
        # first: wrong ones of an address that others share do not keep out who has the right one
        if self.mode == "token" and hmac.compare_digest(token.encode(), self.token.encode()):
            return True
        key = f"address:{client_address(self._settings)}"
        self._throttle.check(key)
        self._throttle.fail(key)
        return False

    def remember(self, response: R, who: Mapping[str, str]) -> R:
        """Set the login cookie."""
        response.set_cookie(
            self._cookie,
            self._serializer.dumps({**who, "id": secrets.token_hex(8)}),
            max_age=int(self._settings.login_seconds),
            path=f"{server_prefix(self._settings)}/",
            secure=is_secure(self._settings),
            httponly=True,
            samesite="Lax",
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def forget(self, response: R) -> R:
        """End the login at once, also for copies of its cookie, and delete the cookie."""
        login = self._login()
        if login is not None:
            self._ended.add(str(login.get("id")))
        response.delete_cookie(self._cookie, path=f"{server_prefix(self._settings)}/", httponly=True, samesite="Lax")
        response.headers["Cache-Control"] = "no-store"
        return response

    def _login(self) -> dict[str, Any] | None:
        given = request.cookies.get(self._cookie)
        if not given:
            return None
        try:
            login = self._serializer.loads(given, max_age=int(self._settings.login_seconds))
        except BadSignature:
            return None
        return login if isinstance(login, dict) and str(login.get("id")) not in self._ended else None

    def _has_token(self) -> bool:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.check_token(given.strip())
        return self._login() is not None

    def _account(self) -> Identity | None:
        login = self._login()
        if login is None or self._accounts is None:
            return None
        account = self._accounts.get(str(login.get("user")))
        # removing an account or changing its password ends its logins
        if account is None or not hmac.compare_digest(account.generation, str(login.get("generation"))):
            return None
        return Identity(account.name, _role(account.role))


def required_role(endpoint: str | None, method: str) -> Role:
    """Return the role that a route requires."""
    if endpoint is not None and endpoint in REQUIRED_ROLES:
        return REQUIRED_ROLES[endpoint]
    return Role.READ if method in _SAFE else Role.ANNOTATE


def access() -> Access:
    """Return the Access of the current application."""
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
        raise SettingInvalid(f"No such role: {name!r}.", "Roles: read, annotate, admin.")
    return role


def role_in_dataset(identity: Identity, roles: Mapping[str, str] | None) -> Role:
    """Return the role of a user in a dataset; an administrator of the server is one of every dataset."""
    if not roles or identity.role == Role.ADMIN:
        return identity.role
    name = roles.get(identity.user) if identity.user else None
    name = name or roles.get("*")
    return identity.role if name is None else Role.NOBODY if name == "none" else _role(name)
