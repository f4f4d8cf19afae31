"""A minimal bot on DingTalk's official Python SDK: asks an agent of OpenAI's chat completions and streams its answer into a card.

It stores nothing, and a message that comes while it dies is gone. `PLATFORM` and `AGENT` are the addresses of the simulated
platform and of the agent, `APART_MS` the least time between two updates of a card (0: each chunk is shown).
"""

import asyncio
import json
import logging
import os
import socket
import time

PLATFORM, AGENT = os.environ["PLATFORM"], os.environ["AGENT"]
APART_SECONDS = int(os.environ.get("APART_MS", "0")) / 1000
# The SDK reads it when it is imported.
os.environ["DINGTALK_OPENAPI_ENDPOINT"] = PLATFORM

import aiohttp  # noqa: E402
import dingtalk_stream  # noqa: E402
from dingtalk_stream import AckMessage, AICardReplier, ChatbotMessage  # noqa: E402

TEMPLATE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.schema"
KEY = "content"


class Bot(dingtalk_stream.ChatbotHandler):
    """Answers in the background, so that the message is acknowledged at once."""

    def __init__(self):
        super().__init__()
        self.session = None
        self.running = set()

    async def process(self, callback):
        message = ChatbotMessage.from_dict(callback.data)
        task = asyncio.create_task(self.answer(message))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return AckMessage.STATUS_OK, "OK"

    async def answer(self, message):
        if self.session is None:
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        card = AICardReplier(self.dingtalk_client, message)
        name = await card.async_create_and_deliver_card(TEMPLATE, {KEY: ""})
        text, shown_at = "", 0.0
        async for chunk in self.chunks(message.text.content):
            text += chunk
            now = time.monotonic()
            if now - shown_at >= APART_SECONDS:
                await card.async_streaming(name, KEY, text, append=False, finished=False, failed=False)
                shown_at = now
        await card.async_streaming(name, KEY, text, append=False, finished=True, failed=False)

    async def chunks(self, question):
        body = {"model": "load", "stream": True, "messages": [{"role": "user", "content": question}]}
        async with self.session.post(f"{AGENT}/chat/completions", json=body) as answer:
            async for line in answer.content:
                if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                    continue
                for choice in json.loads(line[6:]).get("choices", []):
                    chunk = choice.get("delta", {}).get("content")
                    if chunk:
                        yield chunk


def wait_for_platform():
    """The SDK would wait ten seconds before its second try."""
    host, port = PLATFORM.removeprefix("http://").split(":")
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)


def main():
    logger = logging.getLogger("bot")
    logger.setLevel(logging.ERROR)
    wait_for_platform()
    client = dingtalk_stream.DingTalkStreamClient(
        dingtalk_stream.Credential("ding-sim-app", "sim-secret"), logger
    )
    client.register_callback_handler(ChatbotMessage.TOPIC, Bot())
    asyncio.run(client.start())


main()
