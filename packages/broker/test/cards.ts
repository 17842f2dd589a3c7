/** Agent Cards for tests. */
export const baseline = () => ({
  name: 'pump',
  description: 'a pump',
  version: '1',
  supportedInterfaces: [{ url: 'mqtt://x', protocolBinding: 'MQTT5+JSONRPC', protocolVersion: '1.0' }],
  capabilities: {},
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 's', name: 's', description: 's', tags: ['t'] }],
});

export type Baseline = ReturnType<typeof baseline>;

export const cardText = (changes: Record<string, unknown> = {}): string =>
  JSON.stringify({ ...baseline(), ...changes });
