"""Fixtures of the tests of the store."""

import pytest
from file_server import file_server


@pytest.fixture
def server(content):
    """A web server with the file whose ``content`` a test names."""
    with file_server(content) as running:
        yield running
