"""An agent in ten lines, on the profile's own SDK: reads the status of a device, says how much it should do."""

import asyncio
import json
import sys

from a2a_over_mqtt import A2ARequest, MqttConfig, Responder, TopicSpace, build_card


class Adviser(Responder):
    async def on_request(self, request: A2ARequest, stream) -> str:
        await stream("reading the status")
        status = json.loads(request.text)
        verdict = "may go on as it is" if status["health"] == "healthy" else "should be spared"
        return f"{status['deviceId']} is {status['health']} at {status['loadPercent']} % load: it {verdict}."


def main(port: int) -> None:
    skill = {"id": "advise", "name": "Advise", "description": "Says how much a device should do.", "tags": ["load"]}
    url = f"mqtt://127.0.0.1:{port}"
    card = build_card(name="Adviser", description="Knows machines.", url=url, skills=[skill])
    mqtt, topics = MqttConfig(host="127.0.0.1", port=port), TopicSpace(org="acme", unit="plant-1")
    asyncio.run(Adviser(agent_id="adviser", mqtt=mqtt, topics=topics, card=card).run())


if __name__ == "__main__":
    main(int(sys.argv[1]))
