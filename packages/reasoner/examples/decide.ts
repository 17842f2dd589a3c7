import { createReasoner } from '@shoal/reasoner';

// {"kind":"rules"} needs nothing. With a model:
//   {"kind":"openai-compatible","baseUrl":"http://127.0.0.1:11434/v1","model":"llama3.2","budgets":{"session":{"tokens":20000}}}
const config = JSON.parse(process.env['REASONER'] ?? '{"kind":"rules"}') as unknown;
const reasoner = await createReasoner(config, { agentId: 'pump-01' });

export const decision = await reasoner.decide({
  purpose: 'work-order-title',
  instructions: 'Write the title of a work order for a technician: what to do, at which part.',
  data: {
    finding: 'inner race defect, BPFI and harmonics stand out by 20 dB',
    part: 'drive-end bearing 6205',
  },
  schema: {
    type: 'object',
    properties: { title: { type: 'string', minLength: 5, maxLength: 80 } },
    required: ['title'],
    additionalProperties: false,
  },
  rules: () => ({ title: 'Replace the drive-end bearing 6205' }),
});
console.log(decision.by, decision.output.title, decision.record.promptHash);
await reasoner.close();
