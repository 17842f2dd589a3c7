"""Asks an agent with the profile's own Python SDK and prints each reply as a JSON line."""

import asyncio
import json
import sys

from a2a_over_mqtt import A2ARequest, MqttConfig, Requester, TopicSpace


async def main(port: int, agent: str, text: str) -> None:
    requester = Requester(
        MqttConfig(host="127.0.0.1", port=port),
        TopicSpace(org="acme", unit="plant-1"),
    )
    request = A2ARequest(text=text, request_id="req-1")
    async for kind, content in requester.stream(agent, request.to_json(), "corr-1"):
        print(json.dumps({"kind": kind, "content": content}), flush=True)


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
