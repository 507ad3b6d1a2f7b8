"""A client of an application, without a server."""

from __future__ import annotations

API = "/api/v1/"


class Client:
    """A Flask test client that asks as a script on another machine would, or on this one."""

    def __init__(self, app, address="203.0.113.9"):
        self.app = app
        self._client = app.test_client()
        self._address = address

    def open(self, path, **kwargs):
        path = path if path.startswith("/") else API + path
        return self._client.open(path, environ_base={"REMOTE_ADDR": self._address}, buffered=True, **kwargs)

    def get(self, path, **kwargs):
        return self.open(path, **kwargs)

    def json(self, path, **kwargs):
        response = self.open(path, **kwargs)
        assert response.status_code == 200, response.text
        return response.json

    def post(self, path, body, **kwargs):
        return self.open(path, method="POST", json=body, **kwargs)
