"""The test requester of the conformance kit on the profile's own Python SDK: one call, one line of JSON about its end."""

import asyncio
import json
import sys
import uuid

from a2a_over_mqtt import A2ARequest, MqttConfig, Requester, TopicSpace

# The SDK's kinds of replies. It does not tell why a call failed: neither the code of an error nor whether it may be tried again.
ENDS = {"terminal": "completed", "failed": "failed", "input_required": "interrupted", "timeout": "timeout", "error": "error"}


async def main(host, port, org, unit, agent_id, target, operation, text, first_ms, idle_ms) -> None:
    requester = Requester(
        MqttConfig(host=host, port=int(port)),
        TopicSpace(org=org, unit=unit),
        requester_id=agent_id,
        first_reply_timeout=int(first_ms) / 1000,
        stream_idle_timeout=int(idle_ms) / 1000,
    )
    request = A2ARequest(text=text, request_id=uuid.uuid4().hex)
    said = []
    outcome = "error"
    async for kind, content in requester.stream(target, request.to_json(), uuid.uuid4().hex):
        said.append(content)
        outcome = ENDS.get(kind, kind)
    print(json.dumps({"outcome": outcome, "text": "\n".join(said)}))


asyncio.run(main(*sys.argv[1:]))
