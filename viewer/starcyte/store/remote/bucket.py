"""Buckets of object stores (s3, gs, az), by obstore.

Credentials come from the environment, or from the role of the machine; without any, requests are anonymous. What
obstore says of an error is not repeated: it has addresses, and may have keys.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from starcyte.errors import InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.objects import Part, Received, Refused
from starcyte.store.remote.source import TransferError, shown_url, split_url

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")

_STATUS = re.compile(r"status code: (\d{3})")
_SYSTEM = re.compile(r'kind: \w+,\s+message: "([^"]{1,100})"')
_KEYS: Mapping[str, tuple[str, ...]] = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
           "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH",
           "GOOGLE_SERVICE_ACCOUNT_KEY"),
    "az": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY",
           "AZURE_STORAGE_TOKEN", "AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID", "AZURE_STORAGE_CONNECTION_STRING"),
}  # fmt: skip
"""Variables of the environment, any of which holds credentials, or says where they are."""
_AMAZON = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3")
_ENDPOINTS = (
    *_AMAZON,
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_ENDPOINT",
    "AZURE_STORAGE_CONNECTION_STRING",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
)
# of the address inside a cloud that hands out the credentials of a machine's role
_ROLE_SECONDS = 2.0
_LISTED_AT_ONCE = 1000


@dataclass(frozen=True)
class Listed:
    """An object of a listing.

    Parameters
    ----------
    path
        Its path in the bucket.
    size
        Its size in bytes.
    version
        Its ETag, or the time of its last change.
    """

    path: str
    size: int
    version: str


class Bucket:
    """A bucket, read-only. Safe for use from several threads.

    Parameters
    ----------
    url
        A URL in it, such as ``s3://bucket/cells.h5ad``.
    settings
        ``remote_timeout`` and ``remote_private`` are used.

    Raises
    ------
    InputError
        If obstore is not installed, or the environment does not say what is needed.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        parts = split_url(url)
        self._scheme, self._name, self._settings = parts.scheme, parts.netloc, settings
        self.path = unquote(parts.path).strip("/")
        self.shown = shown_url(url)
        self._has_keys = any(os.environ.get(name) for name in _KEYS.get(parts.scheme, ()))
        if parts.scheme == "gs":
            known = "~/.config/gcloud/application_default_credentials.json"
            self._has_keys = self._has_keys or os.path.exists(os.path.expanduser(known))  # noqa: PTH110, PTH111
        self._store = self._open(is_signed=self._has_keys)

    def _open(self, is_signed: bool, connect_seconds: float | None = None) -> ObjectStore:
        try:
            from obstore.store import AzureStore, GCSStore, S3Store
        except ImportError:
            raise InputError(
                f"{self._scheme}:// URLs need the Python package obstore.", "Run `pip install obstore`."
            ) from None
        seconds = float(self._settings.remote_timeout)
        options: dict[str, Any] = {
            "client_options": {
                # a store of one's own, which the environment names
                "allow_http": any("http://" in (os.environ.get(name) or "") for name in _ENDPOINTS),
                "connect_timeout": timedelta(seconds=connect_seconds or seconds),
                "read_timeout": timedelta(seconds=seconds),
                "timeout": timedelta(days=1),
            },
            # a request that fails is sent again by its caller
            "retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=seconds)},
            "skip_signature": not is_signed,
        }
        try:
            if self._scheme == "s3":
                return S3Store(self._name, **options, **self._region())
            if self._scheme == "gs":
                return GCSStore(self._name, **options)
            return AzureStore(self._name, **options, **_connection_string())
        except Exception as error:  # obstore's own, and ValueError
            missing = "Account must be specified" in str(error)
            raise InputError(
                f"{self.shown} cannot be opened: the environment has no account."
                if missing
                else f"{self.shown} cannot be opened: the environment has credentials that are not understood.",
                "Set AZURE_STORAGE_ACCOUNT_NAME." if missing else "Check the variables of the store's credentials.",
            ) from None

    def _region(self) -> dict[str, Any]:
        """Return the region of a bucket of Amazon's, as its server says, unless the environment says it."""
        if any(os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION", *_AMAZON)):
            return {}
        from starcyte.store.remote.route import routes

        with suppress(TransferError, RemoteFailed, InputError):
            for route in routes(urlsplit(f"https://s3.amazonaws.com/{self._name}"), self._settings):
                response = route.get({})
                response.close()
                route.close()
                found = response.headers.get("x-amz-bucket-region")
                return {"region": found} if found else {}
        return {}

    def get(
        self, path: str, part: Part, most: int, version: str = "", check: Callable[[], None] = lambda: None
    ) -> Received | None:
        """Return a part of an object; see :meth:`starcyte.store.remote.objects.Objects.get`.

        Parameters
        ----------
        path
            The object's path in the bucket.
        part
            The part; its key is not used.
        most
            Bytes that are received, at most.
        version
            The version that it must have; empty: any.
        check
            Called between the bytes; raises to end.
        """
        import obstore

        options: dict[str, Any] = {}
        if part.start is None:
            # Azure has no ranges of the last bytes
            if self._scheme == "az":
                found = self.head(path)
                if found is None:
                    return None
                part = Part(part.key, max(found.size - (part.length or 0), 0), part.length)
            else:
                options["range"] = {"suffix": part.length}
        if part.start is not None and not part.is_whole:
            options["range"] = (
                {"offset": part.start} if part.length is None else (part.start, part.start + max(part.length, 1))
            )
        if version.startswith('"'):
            options["if_match"] = version

        def request() -> Received:
            result = obstore.get(self._store, path, options=options)  # type: ignore[arg-type]
            n = result.range[1] - result.range[0]
            if n > most:
                raise RemoteFailed(
                    f"{self.shown}: {path} has {n:,} bytes that are read at once, over {most:,}.",
                    "Write it with smaller chunks.",
                )
            body, deadline = [], time.monotonic() + self._settings.remote_timeout + n / (8 << 10)
            for chunk in result.stream(min_chunk_size=1 << 18):
                check()
                if time.monotonic() > deadline:
                    raise TransferError("the store is too slow")
                body.append(bytes(chunk))
            received = Received(b"".join(body), int(result.meta["size"]), _version(result.meta))
            if len(received.body) != n:
                raise TransferError(f"{len(received.body):,} bytes were received in place of {n:,}")
            if version and received.version != version:
                raise TransferError("it was replaced", restart=True)
            return received

        return self._answered(request, path)

    def head(self, path: str) -> Listed | None:
        """Return size and version of an object; None if it does not exist."""
        import obstore

        return self._answered(lambda: _listed(obstore.head(self._store, path)), path)

    def objects(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects below a prefix, in the store's order."""
        import obstore

        pages = iter(obstore.list(self._store, prefix or None, chunk_size=_LISTED_AT_ONCE))
        while True:
            page = self._answered(lambda: next(pages, None), prefix)
            if page is None:
                return
            yield from (_listed(meta) for meta in page)

    def folders(self, prefix: str) -> list[str] | None:
        """Return the names of the folders in a folder, sorted; None if the store refuses to list them."""
        import obstore

        try:
            found = self._answered(lambda: obstore.list_with_delimiter(self._store, prefix or None), prefix)
        except RemoteFailed:
            return None
        return sorted(str(path).rpartition("/")[2] for path in found["common_prefixes"]) if found else []

    def _answered(self, request: Callable[[], T], path: str) -> T | None:
        """Return the answer to a request; None if there is no such object."""
        from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

        try:
            return request()
        except FileNotFoundError:
            return None
        except (PermissionDeniedError, UnauthenticatedError):
            if self._has_keys or not self._take_role():
                raise _denied(self.shown) from None
        except Exception as error:
            self._raise_failure(error)
        try:
            return request()
        except FileNotFoundError:
            return None
        except Exception as error:
            self._raise_failure(error)

    def _take_role(self) -> bool:
        """Sign requests with the role of the machine from now on; return whether it has one."""
        self._has_keys = True
        anonymous = self._store
        self._store = self._open(is_signed=True, connect_seconds=_ROLE_SECONDS)
        try:
            import obstore

            obstore.list_with_delimiter(self._store, self.path or None)
        except FileNotFoundError:
            pass
        except Exception as error:
            from obstore.exceptions import PermissionDeniedError

            if not isinstance(error, PermissionDeniedError):
                self._store = anonymous
                return False
        return True

    def _raise_failure(self, error: Exception) -> NoReturn:
        from obstore.exceptions import (
            InvalidPathError,
            PermissionDeniedError,
            PreconditionError,
            UnauthenticatedError,
        )

        if isinstance(error, TransferError | RemoteFailed | InputError):
            raise error
        if isinstance(error, PreconditionError):
            raise TransferError("it was replaced", restart=True) from None
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            raise _denied(self.shown) from None
        if isinstance(error, InvalidPathError):
            raise RemoteFailed(f"{self.shown} has a name that no object can have.", "Check the URL.") from None
        from starcyte.errors import StarcyteError

        if isinstance(error, StarcyteError):
            raise error
        raise TransferError(_reason(error)) from None


def _denied(shown: str) -> Refused:
    return Refused(f"Access to {shown} is denied.", "Check the credentials of the store in the environment.")


def _reason(error: Exception) -> str:
    """Return the reason for an error in words of our own."""
    text = str(error)
    status, system = _STATUS.search(text), _SYSTEM.search(text)
    if status:
        return f"the store answered {status[1]}"
    if system:
        return system[1][:1].lower() + system[1][1:]
    if "TimedOut" in text or "timed out" in text or "kind: Timeout" in text:
        return "the store is silent"
    if "Content-Range" in text:
        return "the store answered with another range than the requested one"
    if "dns error" in text:
        return "the host of the store is not found"
    return "the connection to the store failed"


def _connection_string() -> dict[str, Any]:
    """Return the options that Azure's connection string has."""
    given = dict(
        item.partition("=")[::2] for item in (os.environ.get("AZURE_STORAGE_CONNECTION_STRING") or "").split(";")
    )
    names = {
        "AccountName": "account_name",
        "AccountKey": "account_key",
        "SharedAccessSignature": "sas_key",
        "BlobEndpoint": "endpoint",
    }
    return {option: given[name] for name, option in names.items() if given.get(name)}


def _version(meta: Any) -> str:
    found = meta.get("e_tag") or meta.get("last_modified")
    return "" if found is None else str(found)


def _listed(meta: Any) -> Listed:
    return Listed(str(meta["path"]), int(meta["size"]), _version(meta))
