"""The SDK's phones against a whole lab: transfers, and coming back after a broken connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from tests.lab import RunningLab

from antiphon.client.environment import Environment
from antiphon.client.phone import Phone
from antiphon.client.signin import sign_in
from antiphon.client.sip.call import CallState
from antiphon.kernel.errors import DomainError

pytestmark = pytest.mark.timeout(60)

Open = Callable[[str], Awaitable[Phone]]


@pytest.fixture
async def phone(lab: RunningLab) -> AsyncIterator[Open]:
    around = Environment.parse(lab.environment["resolver"], lab.environment["ca_file"])
    async with AsyncExitStack() as opened:

        async def one(userid: str) -> Phone:
            user = lab.user(userid)
            session = await sign_in(user["address"], around, password=user["password"])
            await opened.enter_async_context(session)
            return await opened.enter_async_context(await Phone.connect(session))

        yield one


async def test_a_blind_transfer_connects_the_other_two(phone: Open) -> None:
    heidi, ivan, grace = await phone("heidi"), await phone("ivan"), await phone("grace")
    calling = await heidi.place(ivan.number)
    called = await ivan.next_call()
    await called.answer()
    await calling.answered()
    transfer = asyncio.ensure_future(called.transfer(grace.number))
    third = await grace.next_call()
    assert third.number == heidi.number
    await third.answer()
    await transfer
    await called.ended()
    await third.sound.heard.wait()
    assert calling.state is CallState.ANSWERED
    await third.hang_up()
    await calling.ended()


async def test_an_attended_transfer_connects_the_two_calls(phone: Open) -> None:
    heidi, ivan, grace = await phone("heidi"), await phone("ivan"), await phone("grace")
    calling = await heidi.place(ivan.number)
    called = await ivan.next_call()
    await called.answer()
    await calling.answered()
    await called.hold()
    consulting = await ivan.place(grace.number)
    third = await grace.next_call()
    await third.answer()
    await consulting.answered()
    await called.transfer_to(consulting)
    await called.ended()
    await consulting.ended()
    assert (calling.state, third.state) == (CallState.ANSWERED, CallState.ANSWERED)
    await calling.hang_up()
    await third.ended()


async def test_a_transfer_to_nobody_fails_and_the_call_goes_on(phone: Open) -> None:
    heidi, ivan = await phone("heidi"), await phone("ivan")
    calling = await heidi.place(ivan.number)
    called = await ivan.next_call()
    await called.answer()
    await calling.answered()
    with pytest.raises(DomainError, match="AP-CLIENT-033"):
        await called.transfer("7777")
    assert called.state is calling.state is CallState.ANSWERED
    await calling.hang_up()
    await called.ended()


async def test_a_phone_whose_connection_broke_registers_again_and_is_called(phone: Open) -> None:
    heidi, ivan = await phone("heidi"), await phone("ivan")
    back = asyncio.Event()
    ivan.on_registered = lambda registered: back.set() if registered else None
    ivan.agent.carrier.close()
    await back.wait()
    calling = await heidi.place(ivan.number)
    await (await ivan.next_call()).answer()
    await calling.answered()
    await calling.hang_up()
