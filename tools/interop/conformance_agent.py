"""The test agent of the conformance kit on the profile's own Python SDK. It obeys what the SDK lets it obey."""

import asyncio
import sys
from collections import Counter

from a2a_over_mqtt import A2ARequest, MqttConfig, Responder, TopicSpace, build_card


class TestAgent(Responder):
    counts: Counter = Counter()

    async def on_request(self, request: A2ARequest, stream) -> str | None:
        word, _, argument = request.text.partition(" ")
        if word == "count":
            self.counts[argument] += 1
            return f"{argument}={self.counts[argument]}"
        if word == "slow":
            await stream("at it")
            await asyncio.sleep(int(argument) / 1000)
            return "done"
        if word == "progress":
            for number in range(int(argument)):
                await stream(str(number))
            return None
        if word == "fail":
            raise RuntimeError(argument)
        # The SDK has no way to say INPUT_REQUIRED: what "ask" asks for comes out as an answer.
        return f"echo {request.text}"


async def main(host: str, port: int, org: str, unit: str, agent_id: str, variant: str) -> None:
    card = build_card(
        name="Conformance",
        description="Does what the conformance kit says.",
        url=f"mqtt://{host}:{port}",
    )
    agent = TestAgent(
        agent_id=agent_id,
        mqtt=MqttConfig(host=host, port=port),
        topics=TopicSpace(org=org, unit=unit),
        card=card,
        max_concurrent=1 if variant == "busy" else 16,
    )
    task = asyncio.ensure_future(agent.run())
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(15, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass


host, port, *rest = sys.argv[1:]
asyncio.run(main(host, int(port), *rest))
