import { describe, expect, it } from 'vitest';
import { ACCESS_ROLES, accessOf, parseA2aTopic, parseShoalTopic } from './index.ts';

const subject = { org: 'acme', unit: 'plant-1', id: 'pump-01' };

describe('access of the parties', () => {
  it.each(ACCESS_ROLES)('%s reaches nothing outside its unit but what the broker tells of itself', (role) => {
    for (const { filter } of accessOf(role, subject))
      expect(filter).toMatch(
        /^(\$a2a\/v1\/[a-z]+\/acme\/plant-1\/|shoal\/v1\/acme\/plant-1\/|\$SYS\/broker\/#$)/,
      );
  });

  it.each(ACCESS_ROLES)('%s publishes on topics that this package can read', (role) => {
    const topics = accessOf(role, subject)
      .filter(({ action, filter }) => action === 'publish' && !/marker\/#$|pool\/\+\/claim$/.test(filter))
      .map(({ filter }) => filter.replaceAll('+', 'x'));
    expect(topics.filter((topic) => (parseA2aTopic(topic) ?? parseShoalTopic(topic)) === undefined)).toEqual(
      [],
    );
  });

  it('ties a device and an agent to their own topics, and a host to its unit', () => {
    const filters = accessOf('agent', subject).map(({ filter }) => filter);
    expect(filters).toContain('$a2a/v1/discovery/acme/plant-1/pump-01');
    expect(filters).toContain('shoal/v1/acme/plant-1/agent/pump-01/state');
    expect(accessOf('agent', { org: 'acme', unit: 'plant-1' }).map(({ filter }) => filter)).toContain(
      '$a2a/v1/discovery/acme/plant-1/+',
    );
    expect(accessOf('device', subject)).toEqual([
      { action: 'publish', filter: 'shoal/v1/acme/plant-1/device/pump-01/telemetry', retain: false },
      { action: 'publish', filter: 'shoal/v1/acme/plant-1/device/pump-01/telemetry/+', retain: false },
      { action: 'publish', filter: 'shoal/v1/acme/plant-1/device/pump-01/command/+/status' },
      { action: 'publish', filter: 'shoal/v1/acme/plant-1/agent/+/marker/#' },
      { action: 'subscribe', filter: 'shoal/v1/acme/plant-1/device/pump-01/approval/+' },
      { action: 'subscribe', filter: 'shoal/v1/acme/plant-1/device/pump-01/command/#' },
      { action: 'subscribe', filter: 'shoal/v1/acme/plant-1/agent/+/marker/#' },
    ]);
  });

  it('keeps requests and replies from being retained', () => {
    const retainable = accessOf('agent', subject).filter(
      ({ filter, action, retain }) =>
        action === 'publish' && retain !== false && /\/(request|reply)\//.test(filter),
    );
    expect(retainable).toEqual([]);
  });

  it('lets only supervisors claim attempts and write plans', () => {
    const may = (topic: RegExp) =>
      ACCESS_ROLES.filter((role) =>
        accessOf(role, subject).some(({ action, filter }) => action === 'publish' && topic.test(filter)),
      );
    expect(may(/step\/\+\/attempt$/)).toEqual(['supervisor']);
    expect(may(/session\/\+$/)).toEqual(['supervisor']);
    expect(may(/step\/\+\/result$/)).toEqual(['step', 'supervisor']);
    // What became of a command is the device's word alone.
    expect(may(/command\/\+\/status$/)).toEqual(['device']);
    expect(may(/command\/\+$/)).toEqual(['agent', 'operator']);
    expect(may(/control\/pause$/)).toEqual(['supervisor', 'operator']);
  });

  it.each([
    { org: 'acme', unit: '+' },
    { org: 'a/b', unit: 'u' },
  ])('refuses %j, which would widen a filter', (where) => {
    expect(() => accessOf('reader', where)).toThrow('is not an identifier');
  });
});
