from __future__ import annotations

import pytest
from tests.interfaces.http.client import Served, in_thread
from tests.services.identity.deployment import PASSWORD

from antiphon.kernel.errors import DomainError

PREFIX = "/api/v1/identity"


async def test_a_token_is_explained_to_its_owner(served: Served) -> None:
    with await served.administrator("alice") as alice:
        said = (await in_thread(alice.get, f"{served.origin}{PREFIX}/token")).json()
    assert (said["userid"], said["client_id"], said["admin"]) == ("alice", "antiphon-cli", False)


async def test_people_see_and_end_their_own_sign_ins_and_administrators_all(served: Served) -> None:
    phone = await served.sign_in("alice")
    root_tokens = await served.sign_in("root")
    address = f"{served.origin}{PREFIX}/sessions"
    with await served.administrator("alice") as alice, await served.administrator() as root:
        assert {item["userid"] for item in (await in_thread(alice.get, address)).json()["items"]} == {"alice"}
        assert (await in_thread(alice.get, f"{address}?userid=root")).status_code == 403
        assert (await in_thread(alice.delete, f"{address}?userid=root")).status_code == 403
        assert (await in_thread(alice.delete, f"{address}/{root_tokens.session_id}")).status_code == 403
        ended = await in_thread(alice.delete, f"{address}/{phone.session_id}")
        assert ended.json() == {"revoked": 1}
        with pytest.raises(DomainError):
            served.house.identity.verify_token(phone.access_token)
        listed = (await in_thread(root.get, address)).json()["items"]
        assert {item["userid"] for item in listed} == {"alice", "root"}
        assert (await in_thread(root.delete, f"{address}?userid=alice")).json() == {"revoked": 1}
        assert (await in_thread(alice.get, address)).status_code == 401


async def test_people_change_their_password_when_they_know_the_current_one(served: Served) -> None:
    address = f"{served.origin}{PREFIX}/password"
    with await served.administrator("alice") as alice:
        wrong = await in_thread(alice.post, address, json={"current": "wrong", "new": "another password"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "AP-ID-001")
        odd = await in_thread(alice.post, address, json={"current": 1})
        assert odd.status_code == 400
        done = await in_thread(alice.post, address, json={"current": PASSWORD, "new": "another password"})
        assert done.status_code == 204
    assert (await served.house.identity.verify_password("alice", "another password")).userid == "alice"


async def test_keys_and_settings_are_for_administrators_and_change_without_restart(served: Served) -> None:
    with await served.administrator("alice") as alice, await served.administrator() as root:
        for path in ("keys", "settings"):
            assert (await in_thread(alice.get, f"{served.origin}{PREFIX}/{path}")).status_code == 403
        rotated = await in_thread(root.post, f"{served.origin}{PREFIX}/keys", json={})
        assert [item["state"] for item in rotated.json()["items"]] == ["verifying", "signing"]
        address = f"{served.origin}{PREFIX}/settings"
        changed = await in_thread(root.patch, address, json={"access_token_minutes": 5})
        assert changed.json()["access_token_minutes"] == 5
        assert served.house.identity.settings.access_token_s == 300
        for bad in ({}, {"access_token_minutes": 0}, {"nonsense": 1}):
            refused = await in_thread(root.patch, address, json=bad)
            assert refused.status_code == 400
        answer = await in_thread(root.patch, address, data=b"[" * 5000)
        assert answer.status_code == 400
