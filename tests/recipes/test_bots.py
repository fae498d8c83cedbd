"""The recipes for bots, driven up to the border of the service: what comes in is made here, what goes out is kept."""

import datetime as dt
from unittest.mock import AsyncMock, Mock

import pytest
from unit.pictures import png

from kling_elements_async import ElementsSession, Polling
from kling_elements_async.sandbox import Fault

from .readme import recipe

pytestmark = pytest.mark.slow


@pytest.fixture
def updates():
    """A bot whose calls go nowhere, and updates as Telegram sends them."""
    pytest.importorskip("aiogram")
    from aiogram import Bot
    from aiogram.client.session.base import BaseSession
    from aiogram.types import Chat, Message, Update, User

    class Nowhere(BaseSession):
        said: list[str] = []  # noqa: RUF012 - one test, one bot

        async def make_request(self, bot, method, timeout=None):
            self.said.append(method.text)
            return

        async def stream_content(self, *_, **__):
            yield b""

        async def close(self):
            pass

    session = Nowhere()
    session.said.clear()
    bot = Bot("1:not-a-token", session=session)

    def update(text):
        now = dt.datetime.now(dt.UTC)
        person = User(id=1, is_bot=False, first_name="A")
        message = Message(message_id=1, date=now, chat=Chat(id=1, type="private"), from_user=person, text=text)
        return Update(update_id=1, message=message)

    return bot, update, session.said


async def test_aiogram(updates, kling_session, kling_sandbox):
    """A command becomes an element, and its failure an answer."""
    bot, update, said = updates
    dispatcher = recipe("aiogram 3").create_dispatcher(kling_session)
    await dispatcher.feed_update(bot, update("/character Mira https://e.com/a.png https://e.com/b.png"))
    (element_id,) = kling_sandbox.account().elements
    kling_sandbox.script("create", Fault.task_fails("No face"))
    await dispatcher.feed_update(bot, update("/character Noah https://e.com/a.png https://e.com/b.png"))
    assert said[0] == f"Mira is {element_id}"
    assert "No face" in said[1]


async def test_discord(kling_sandbox):
    """A slash command with two attachments becomes an element; the session is closed with the client."""
    pytest.importorskip("discord")
    made = recipe("discord.py")
    client = made.Studio()
    assert [command.name for command in client.tree.get_commands()] == ["character"]
    attachment = Mock(read=AsyncMock(return_value=png(400, 400)))
    interaction = Mock(client=client, response=AsyncMock(), followup=AsyncMock())
    await made.character(interaction, "Mira", attachment, attachment)
    (element_id,) = kling_sandbox.account().elements
    interaction.response.defer.assert_awaited_once_with(thinking=True)
    interaction.followup.send.assert_awaited_once_with(f"Mira is {element_id}")
    kling_sandbox.script("create", Fault.task_fails("No face"))
    await made.character(interaction, "Noah", attachment, attachment)
    assert "No face" in interaction.followup.send.await_args.args[0]
    await client.close()
    with pytest.raises(RuntimeError, match="closed"):
        await client.elements.get_element("77")


async def test_a_session_made_by_hand(kling_sandbox):
    """What both recipes rest on: a session from the environment."""
    async with ElementsSession.from_env(polling=Polling(first=0.05)) as session:
        assert (await session.list_elements()).elements == ()
