"""Files that were made to look like others."""

from __future__ import annotations

import os
import shutil

from starcyte.store.fingerprint import fingerprint, sample_positions


def test_a_copy_changed_between_the_samples_has_another_revision(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(os.urandom(1 << 20))
    shutil.copy2(one, other)
    assert fingerprint(one)[0] == fingerprint(other)[0]
    taken = {at for start in sample_positions(1 << 20) for at in range(start, start + 4096)}
    between = min(set(range(1 << 20)) - taken)
    with other.open("r+b") as stream:
        stream.seek(between)
        stream.write(b"changed")
    state = one.stat()
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert fingerprint(one)[0] == fingerprint(other)[0]
    assert fingerprint(one)[1] != fingerprint(other)[1]


def test_a_file_that_is_renamed_keeps_its_revision(tmp_path):
    (tmp_path / "one").write_bytes(b"cells")
    before = fingerprint(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "other")
    assert fingerprint(tmp_path / "other") == before
