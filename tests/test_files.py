"""Files are whole or not there, whatever the file system cannot do; one process a folder."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys

import pytest

from viz_nodes import files


def test_a_file_takes_the_place_of_the_old_one_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "new" / "x.bin"
    files.write_atomically(path, b"one")
    files.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["x.bin"]
    assert files.sha256_of(path) == hashlib.sha256(b"two").hexdigest()


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    own = tmp_path / "own.png"
    own.write_bytes(b"mine")
    link = tmp_path / "out" / "figure.png"
    link.parent.mkdir()
    link.symlink_to(own)
    files.write_atomically(link, b"new")
    assert own.read_bytes() == b"mine"
    assert link.read_bytes() == b"new"
    assert not link.is_symlink()


def test_what_fails_while_it_is_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")

    def write_half():
        with files.replacing(path) as file:
            file.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_half()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.bin"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES])
def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch, number):
    """Shares of SMB, VirtualBox and WSL answer so."""
    real = os.fsync

    def fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_atomically(tmp_path / "x", b"1")
    assert (tmp_path / "x").read_bytes() == b"1"


def test_a_disk_that_fails_is_an_error(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output"):
        files.write_atomically(tmp_path / "x", b"1")


def test_a_file_system_that_does_not_rename_over_is_served(tmp_path, monkeypatch):
    real = os.replace

    def replace(source, target):
        if os.path.exists(target):
            raise FileExistsError(errno.EEXIST, "File exists")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    files.write_atomically(tmp_path / "x", b"1")
    files.write_atomically(tmp_path / "x", b"2")
    assert (tmp_path / "x").read_bytes() == b"2"


def test_a_second_process_waits_for_the_folder(tmp_path):
    pytest.importorskip("fcntl", reason="this system has no flock")
    code = (
        "import sys; from viz_nodes.files import locked\n"
        "with locked(sys.argv[1], waiting=lambda: print('waiting', flush=True)): print('in', flush=True)\n"
    )
    with files.locked(tmp_path):
        other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "waiting\n"
    assert other.stdout.readline() == "in\n"
    assert other.wait(60) == 0
    other.stdout.close()
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_locked_is_said_and_used(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="this system has no flock")

    def flock(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    said = []
    with files.locked(tmp_path / "new", unlockable=said.append):
        assert (tmp_path / "new").is_dir()
    assert [error.errno for error in said] == [errno.ENOLCK]
