import { createAgent } from '@shoal/agent-sdk';
import { Type, defineSkill } from '@shoal/agent-sdk/skills';

const setSpeed = defineSkill({
  id: 'set-speed',
  description: 'Runs the pump at a speed.',
  input: Type.Object({ rpm: Type.Integer({ minimum: 0, maximum: 3000 }) }),
  output: Type.Object({ rpm: Type.Number() }),
});

const pump = createAgent({
  url: process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883',
  org: 'acme',
  unit: 'plant-1',
  agentId: 'pump-01',
  card: { name: 'Pump 1', description: 'Moves water.' },
  skills: [setSpeed.handler(({ rpm }) => ({ rpm }))],
});
await pump.start();
export const { rpm } = await setSpeed.call(pump.requester, pump.address, { rpm: 1480 });
await pump.stop();
