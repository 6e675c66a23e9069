from __future__ import annotations

import stat
from pathlib import Path

import pytest

from antiphon.client.credentials import CredentialStore, FileStore, KeyringStore, open_store
from antiphon.kernel.errors import DomainError


class Desktop:
    """A keyring backend in memory."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture(params=["file", "keyring"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CredentialStore:
    return FileStore(tmp_path) if request.param == "file" else KeyringStore(Desktop())


def test_what_is_kept_is_given_back_until_it_is_removed(store: CredentialStore) -> None:
    assert store.load("alice@example.test") is None
    store.save("alice@example.test", b"one")
    store.save("alice@example.test", b"\x00two")
    store.save("bob@example.test", b"three")
    assert store.load("alice@example.test") == b"\x00two"
    store.remove("alice@example.test")
    store.remove("alice@example.test")
    assert store.load("alice@example.test") is None
    assert store.load("bob@example.test") == b"three"


def test_files_are_encrypted_and_for_their_owner_only(tmp_path: Path) -> None:
    FileStore(tmp_path).save("alice@example.test", b"the secret")
    for file in tmp_path.iterdir():
        assert b"the secret" not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_without_the_machines_secret_or_under_another_name_is_worthless(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "here")
    store.save("alice@example.test", b"the secret")
    (sealed,) = (f for f in (tmp_path / "here").iterdir() if f.name != "machine-secret")
    elsewhere = FileStore(tmp_path / "there")
    elsewhere.save("x", b"")
    (tmp_path / "there" / sealed.name).write_bytes(sealed.read_bytes())
    with pytest.raises(DomainError, match="AP-CLIENT-009"):
        elsewhere.load("alice@example.test")
    sealed.write_bytes(b"APC1")
    with pytest.raises(DomainError, match="AP-CLIENT-009"):
        store.load("alice@example.test")


def test_an_address_cannot_name_a_file_outside_the_store(tmp_path: Path) -> None:
    FileStore(tmp_path / "store").save("../../alice@example.test", b"x")
    assert {p.parent.name for p in tmp_path.rglob("*") if p.is_file()} == {"store"}


def test_files_can_be_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTIPHON_CREDENTIALS", "file")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert str(tmp_path) in open_store().name
