"""What is kept of a discovery."""

from __future__ import annotations

from pathlib import Path

from antiphon.client.discovery.bootstrap import Bootstrap
from antiphon.client.discovery.cache import MAX_AGE_S, DiscoveryCache
from antiphon.client.discovery.record import Found
from antiphon.client.discovery.rules import Where
from antiphon.protocols.dns.srv import Srv

FOUND = Found(
    "alice@example.test", "alice", "example.test", "example.test", Where.INSIDE,
    (Srv(0, 0, 8443, "cucm1.example.test"),), "https://cucm1.example.test:8443",
)  # fmt: skip


class Wall:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_found_is_there_at_the_next_start_for_a_day(tmp_path: Path) -> None:
    wall = Wall()
    DiscoveryCache(tmp_path, wall).keep(FOUND, "127.0.0.1:53")
    kept = DiscoveryCache(tmp_path, wall).load(FOUND, "127.0.0.1:53")
    assert kept is not None
    assert (kept.where, kept.servers, kept.home) == ("inside", FOUND.servers, FOUND.home)
    wall.now += MAX_AGE_S + 1
    assert DiscoveryCache(tmp_path, wall).load(FOUND, "127.0.0.1:53") is None


def test_another_name_server_may_see_another_place(tmp_path: Path) -> None:
    cache = DiscoveryCache(tmp_path)
    cache.keep(FOUND, "127.0.0.1:53")
    assert cache.load(FOUND, "127.0.0.2:53") is None


def test_a_damaged_file_is_no_cache(tmp_path: Path) -> None:
    cache = DiscoveryCache(tmp_path)
    cache.keep(FOUND, "r")
    (file,) = tmp_path.iterdir()
    for damaged in (
        b"",
        b"[]",
        b'{"version":1,"value":{}}',
        b'{"version":9,"value":{}}',
        b'{"version":1,"value":[1]}',
    ):
        file.write_bytes(damaged)
        assert cache.load(FOUND, "r") is None


def test_what_the_configuration_says_about_discovery_is_remembered(tmp_path: Path) -> None:
    cache = DiscoveryCache(tmp_path)
    cache.keep_bootstrap("example.test", {"VoiceServicesDomain": "voice.test", "EnableVideo": "true"})
    assert cache.bootstrap("example.test") == Bootstrap(voice_services_domain="voice.test")
    assert cache.bootstrap("example.org") == Bootstrap()
    cache.keep_bootstrap("example.test", {})
    assert cache.bootstrap("example.test") == Bootstrap()


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = DiscoveryCache(tmp_path / "file" / "below")
    cache.keep(FOUND, "r")
    assert cache.load(FOUND, "r") is None
