"""Accounts: made, checked, changed, removed; kept so that a thief of the file has no passwords."""

from __future__ import annotations

import stat
import time

import pytest
from starcyte.curation.accounts import Account, Accounts
from starcyte.errors import InputError, StorageUnusable

pytestmark = pytest.mark.slow


@pytest.fixture
def accounts(tmp_path):
    made = Accounts(tmp_path / "folder" / "accounts.sqlite")
    yield made
    made.close()


def test_an_account_has_a_password_and_a_role(accounts):
    accounts.add("eva", "correct horse", "admin")
    found = accounts.check("eva", "correct horse")
    assert (found.name, found.role) == ("eva", "admin")
    assert accounts.check("eva", "correct horsf") is None
    assert accounts.check("Eva", "correct horse") is None
    assert accounts.check("nobody", "correct horse") is None


def test_another_process_sees_what_changes(accounts, tmp_path):
    other = Accounts(tmp_path / "folder" / "accounts.sqlite")
    accounts.add("eva", "correct horse", "read")
    assert other.get("eva").role == "read"
    assert other.secret == accounts.secret, "sessions outlive a restart"
    accounts.remove("eva")
    assert other.get("eva") is None
    other.close()


def test_a_new_password_is_a_new_generation(accounts):
    accounts.add("eva", "correct horse", "read")
    before = accounts.get("eva").generation
    accounts.set_role("eva", "annotate")
    assert accounts.get("eva") == Account("eva", "annotate", before)
    accounts.set_password("eva", "another horse")
    assert accounts.get("eva").generation != before
    assert accounts.check("eva", "correct horse") is None
    assert accounts.check("eva", "another horse") is not None


def test_the_file_has_no_passwords_and_is_private(accounts, tmp_path):
    accounts.add("eva", "correct horse", "read")
    for path in (tmp_path / "folder").iterdir():
        assert b"correct horse" not in path.read_bytes()
    assert stat.S_IMODE((tmp_path / "folder" / "accounts.sqlite").stat().st_mode) == 0o600


def test_hashing_takes_time(accounts):
    accounts.add("eva", "correct horse", "read")
    spent = {}
    for name in ("eva", "nobody"):
        begin = time.process_time()
        for _ in range(3):
            accounts.check(name, "wrong password")
        spent[name] = time.process_time() - begin
    assert min(spent.values()) > 0.015, "as long for one that is not there"


@pytest.mark.parametrize("name", ["", " ", " eva", "eva ", "a\nb", "a\0b", "x" * 201])
def test_invalid_names_are_refused(accounts, name):
    with pytest.raises(InputError):
        accounts.add(name, "correct horse", "read")


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_invalid_passwords_are_refused(accounts, password):
    with pytest.raises(InputError, match="characters"):
        accounts.add("eva", password, "read")


def test_unknown_and_duplicate_accounts_are_refused(accounts):
    accounts.add("eva", "correct horse", "read")
    with pytest.raises(InputError, match="exists already"):
        accounts.add("eva", "correct horse", "admin")
    for change in (lambda: accounts.remove("x"), lambda: accounts.set_role("x", "read")):
        with pytest.raises(InputError, match="No such account: 'x'"):
            change()
    with pytest.raises(InputError, match="No such role"):
        accounts.set_role("eva", "root")
    assert [a.name for a in accounts.all()] == ["eva"]


def test_a_file_that_is_not_a_database_is_reported(tmp_path):
    path = tmp_path / "accounts.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StorageUnusable, match="accounts"):
        Accounts(path)
