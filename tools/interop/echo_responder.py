"""An agent on the profile's own Python SDK, for the interoperability check: repeats what it is told."""

import asyncio
import sys

from a2a_over_mqtt import A2ARequest, MqttConfig, Responder, TopicSpace, build_card


class Echo(Responder):
    async def on_request(self, request: A2ARequest, stream) -> str:
        await stream("thinking")
        return f"You said: {request.text}"


async def main(port: int) -> None:
    # The SDK's default skill has no `tags`, which A2A 1.0 requires: registries refuse that card.
    skill = {"id": "echo", "name": "Echo", "description": "Repeats a text.", "tags": ["echo"]}
    card = build_card(
        name="Python echo",
        description="Repeats what it is told.",
        url=f"mqtt://127.0.0.1:{port}",
        skills=[skill],
    )
    agent = Echo(
        agent_id="py-echo",
        mqtt=MqttConfig(host="127.0.0.1", port=port),
        topics=TopicSpace(org="acme", unit="plant-1"),
        card=card,
    )
    await agent.run()


asyncio.run(main(int(sys.argv[1])))
