import { defineBlueprint, StepError, type Blueprint } from '@shoal/workflow';
import { readAnswer } from './ask-device-agent.ts';
import { requiredNumber, requiredText } from './step-input.ts';

/**
 * Lowers a device's speed through its own agent, the one door to the device, on this step's fenced connection. The speed is a set
 * point: setting it twice is setting it once.
 */
export function deviceProtector(): Blueprint {
  return defineBlueprint({
    id: 'device-protector',
    description: 'Asks a device agent to lower the speed of its device.',
    async run({ input, requester, org, unit, sessionId, stepId, attempt, signal }) {
      const agentId = requiredText(input, 'agentId');
      const speedRpm = requiredNumber(input, 'speedRpm');
      const order = {
        skill: 'operate',
        tool: 'set_speed',
        args: { rpm: speedRpm },
        sessionId,
        stepId,
        attempt,
      };
      const answer = await readAnswer(requester, { org, unit, agentId }, order, signal);
      if (answer['ok'] === false)
        throw new StepError('DEVICE_REFUSED', JSON.stringify(answer['error'] ?? 'no reason given'), {
          // Nothing was done, or a set point whose answer was lost: safe to order again.
          retryable: answer['outcome'] !== 'superseded',
        });
      return {
        output: { agentId, speedRpm },
        summary: `${agentId} runs at ${speedRpm} rpm until the repair`,
      };
    },
  });
}
