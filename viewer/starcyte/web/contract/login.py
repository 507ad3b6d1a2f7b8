"""Signing in and out."""

from __future__ import annotations

from typing import Literal

from starcyte.web.contract.base import Answer, Request

Mode = Literal["none", "token", "password", "proxy"]
RoleName = Literal["nobody", "read", "annotate", "admin"]


class LoginStatus(Answer):
    """The mode of access, the user and the role."""

    mode: Mode
    signed_in: bool
    user: str
    role: RoleName | None


class Credentials(Request):
    """The name and the password of an account."""

    user: str
    password: str
