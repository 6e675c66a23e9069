"""dig, curl, tftp and authlib: programs and libraries that somebody else wrote."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from tests.lab import RunningLab

pytestmark = pytest.mark.interop


def run(*words: str, cwd: Path | None = None) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    result = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False, cwd=cwd)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def dig(lab: RunningLab, view: str, name: str, kind: str) -> list[str]:
    host, _, port = lab.environment[view].rpartition(":")
    return run("dig", f"@{host}", "-p", port, "+short", name, kind).splitlines()


def test_dig_finds_the_directory_inside_and_not_outside(lab: RunningLab) -> None:
    assert dig(lab, "resolver", "_cisco-uds._tcp.example.test", "SRV") == ["0 0 8443 cucm1.example.test."]
    assert dig(lab, "resolver", "cucm1.example.test", "A") == [lab.call_address]
    assert dig(lab, "resolver_outside", "_cisco-uds._tcp.example.test", "SRV") == []


def test_curl_fetches_the_device_file_over_http_and_https(lab: RunningLab) -> None:
    plain = run("curl", "-sf", f"http://{lab.call_address}:6970/CSFALICE.cnf.xml")
    secure = run(
        "curl", "-sf", "--cacert", lab.environment["ca_file"],
        "--resolve", f"cucm1.example.test:6972:{lab.call_address}",
        "https://cucm1.example.test:6972/CSFALICE.cnf.xml",
    )  # fmt: skip
    assert plain == secure
    device = ElementTree.fromstring(plain.encode())
    assert device.findtext("sipOAuthMode") == "1"
    ports = device.find(".//callManager/ports")
    assert ports is not None
    assert (ports.findtext("sipOAuthPort"), ports.findtext("sipMRAOAuthPort")) == ("5090", "5091")


def test_tftp_fetches_the_same_device_file(lab: RunningLab, tmp_path: Path) -> None:
    port = next(
        address.rpartition(":")[2] for _, what, address in lab.environment["listeners"] if what == "tftp"
    )
    run("tftp", "-m", "octet", lab.call_address, port, "-c", "get", "CSFALICE.cnf.xml", cwd=tmp_path)
    fetched = (tmp_path / "CSFALICE.cnf.xml").read_bytes()
    assert fetched == run("curl", "-sf", f"http://{lab.call_address}:6970/CSFALICE.cnf.xml").encode()
