import { describe, expect, it } from 'vitest';

import { a2aPolicy } from '../src/core/authorization/a2a-policy.ts';
import { filterCovers, filtersOverlap } from '../src/core/authorization/filter-covers.ts';
import { createPolicy } from '../src/core/authorization/policy.ts';

describe('a rule', () => {
  it.each([
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'a/#', true],
    ['a/#', '#', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a/+', true],
    ['a/+', 'a/#', false],
    ['a/+', 'a', false],
    ['a/b', 'a/+', false],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
  ])('for %s covers %s: %s', (rule, wanted, covered) => {
    expect(filterCovers(rule, wanted)).toBe(covered);
  });

  it.each([
    ['secret/#', '#', true],
    ['secret/#', 'secret', true],
    ['secret/#', '+/x', true],
    ['secret/a', 'secret/b', false],
    ['secret/a', 'secret/a/b', false],
    ['$SYS/#', '#', false],
    ['a/+', 'a', false],
  ])('that denies %s reaches %s: %s', (denied, wanted, reached) => {
    expect(filtersOverlap(denied, wanted)).toBe(reached);
  });
});

describe('a policy', () => {
  const agent = { clientId: 'acme/plant/pump-01', username: 'pump-01' };

  it('says no when nothing fits', () => {
    expect(createPolicy([])(agent, 'publish', 'x')).toBe(false);
  });

  it('lets the first rule that fits decide', () => {
    const authorize = createPolicy([
      { effect: 'deny', topics: ['a/secret/#'] },
      { effect: 'allow', topics: ['a/#'] },
    ]);
    expect(authorize(agent, 'publish', 'a/b')).toBe(true);
    expect(authorize(agent, 'publish', 'a/secret/x')).toBe(false);
    expect(authorize(agent, 'subscribe', 'a/#')).toBe(false);
  });

  it('fills placeholders, and never with a wildcard', () => {
    const authorize = createPolicy([{ effect: 'allow', topics: ['home/{username}/#'] }]);
    expect(authorize(agent, 'publish', 'home/pump-01/x')).toBe(true);
    expect(authorize({ clientId: 'c', username: '+' }, 'subscribe', 'home/+/#')).toBe(false);
    expect(authorize({ clientId: 'c', username: undefined }, 'publish', 'home//x')).toBe(false);
  });

  it('for agents gives exactly their topics', () => {
    const authorize = createPolicy(a2aPolicy('unit'));
    const may = (action: 'publish' | 'subscribe', topic: string): boolean =>
      authorize(agent, action, topic, action === 'publish' ? { qos: 1, retain: false } : undefined);
    expect(
      authorize(agent, 'publish', '$a2a/v1/discovery/acme/plant/pump-01', { qos: 1, retain: true }),
    ).toBe(true);
    expect(may('publish', '$a2a/v1/discovery/acme/plant/pump-02')).toBe(false);
    expect(may('subscribe', '$a2a/v1/discovery/acme/plant/+')).toBe(true);
    expect(may('subscribe', '$a2a/v1/discovery/acme/+/+')).toBe(false);
    expect(may('subscribe', '$a2a/v1/reply/acme/plant/pump-02/#')).toBe(false);
    expect(may('publish', '$a2a/v1/reply/acme/plant/pump-02/x')).toBe(true);
    expect(may('subscribe', 'shoal/v1/acme/plant/session/#')).toBe(true);
    expect(may('publish', 'shoal/v1/acme/office/session/x')).toBe(false);
    expect(
      authorize({ clientId: 'not-an-agent', username: 'x' }, 'subscribe', '$a2a/v1/discovery/+/+/+'),
    ).toBe(false);
    expect(createPolicy(a2aPolicy('org'))(agent, 'subscribe', '$a2a/v1/discovery/acme/+/+')).toBe(true);
  });
});

describe('a policy that remembers', () => {
  it('tells publishes apart by QoS, retain flag and client, however many topics there are', () => {
    const authorize = createPolicy([
      { effect: 'allow', topics: ['{clientId}/#'], retain: true, qos: [1] },
      { effect: 'allow', topics: ['many/+'] },
    ]);
    const [a, b] = [
      { clientId: 'a', username: undefined },
      { clientId: 'b', username: undefined },
    ];
    for (let round = 0; round < 2; round++) {
      expect(authorize(a, 'publish', 'a/x', { qos: 1, retain: true })).toBe(true);
      expect(authorize(a, 'publish', 'a/x', { qos: 1, retain: false })).toBe(false);
      expect(authorize(a, 'publish', 'a/x', { qos: 0, retain: true })).toBe(false);
      expect(authorize(b, 'publish', 'a/x', { qos: 1, retain: true })).toBe(false);
      for (let i = 0; i < 200; i++) expect(authorize(a, 'publish', `many/${i}`)).toBe(true);
    }
  });
});

describe('the policy for agents', () => {
  const attacker = { clientId: 'acme/plant/pump-01', username: 'pump-01' };
  const publish = { qos: 1, retain: false } as const;
  const retained = { qos: 1, retain: true } as const;

  it.each(['own', 'unit', 'org'] as const)('of scope %s gives away nothing of others', (scope) => {
    const authorize = createPolicy(a2aPolicy(scope));
    const subscriptions = [
      '#',
      '+/#',
      '$a2a/#',
      '$a2a/v1/+/+/+/+',
      '$a2a/v1/discovery/#',
      '$a2a/v1/discovery/+/plant/+',
      '$a2a/v1/discovery/other/plant/+',
      '$a2a/v1/request/acme/plant/+',
      '$a2a/v1/request/acme/plant/#',
      '$a2a/v1/request/acme/plant/pump-02',
      '$a2a/v1/request/acme/office/pool/+',
      '$a2a/v1/reply/acme/plant/+/#',
      '$a2a/v1/reply/acme/plant/#',
      '$a2a/v1/reply/acme/plant/pump-02/x',
      'shoal/v1/acme/+/session/#',
      'shoal/#',
      '$SYS/#',
    ];
    for (const filter of subscriptions)
      expect([filter, authorize(attacker, 'subscribe', filter)]).toEqual([filter, false]);
    const topics = [
      '$a2a/v1/discovery/acme/plant/pump-02',
      '$a2a/v1/discovery/acme/plant/pump-01/x',
      '$a2a/v1/event/acme/plant/pump-02',
      '$a2a/v1/request/other/plant/x',
      '$a2a/v1/reply/other/plant/x/y',
      'shoal/v1/acme/office/session/x',
      '$share/g/x',
      'anything',
    ];
    for (const topic of topics) {
      expect([topic, authorize(attacker, 'publish', topic, publish)]).toEqual([topic, false]);
      expect([topic, authorize(attacker, 'publish', topic, retained)]).toEqual([topic, false]);
    }
  });

  it.each(['+/+/+', 'acme/plant/+', '#/#/#', 'acme/plant/#', 'acme/plant', 'a/b/c/d', '//', 'acme//x', ''])(
    'gives the client id %j nothing at all',
    (clientId) => {
      const authorize = createPolicy(a2aPolicy('org'));
      const client = { clientId, username: 'x' };
      for (const topic of [
        `$a2a/v1/discovery/${clientId}`,
        '$a2a/v1/discovery/acme/plant/+',
        '$a2a/v1/request/acme/plant/x',
      ]) {
        expect(authorize(client, 'subscribe', topic)).toBe(false);
        expect(authorize(client, 'publish', topic, retained)).toBe(false);
      }
    },
  );

  it('wants cards retained with QoS 1, and requests and replies not retained', () => {
    const authorize = createPolicy(a2aPolicy('unit'));
    const card = '$a2a/v1/discovery/acme/plant/pump-01';
    expect(authorize(attacker, 'publish', card, retained)).toBe(true);
    expect(authorize(attacker, 'publish', card, publish)).toBe(false);
    expect(authorize(attacker, 'publish', card, { qos: 0, retain: true })).toBe(false);
    for (const topic of ['$a2a/v1/request/acme/plant/x', '$a2a/v1/reply/acme/plant/x/y']) {
      expect(authorize(attacker, 'publish', topic, publish)).toBe(true);
      expect(authorize(attacker, 'publish', topic, retained)).toBe(false);
    }
  });

  it('of scope own answers and does not ask', () => {
    const authorize = createPolicy(a2aPolicy('own'));
    expect(authorize(attacker, 'subscribe', '$a2a/v1/request/acme/plant/pump-01')).toBe(true);
    expect(authorize(attacker, 'publish', '$a2a/v1/reply/acme/plant/x/y', publish)).toBe(true);
    expect(authorize(attacker, 'publish', '$a2a/v1/request/acme/plant/x', publish)).toBe(false);
    expect(authorize(attacker, 'subscribe', '$a2a/v1/discovery/acme/plant/+')).toBe(false);
    expect(authorize(attacker, 'publish', 'shoal/v1/acme/plant/agent/pump-01/state', retained)).toBe(true);
    expect(authorize(attacker, 'publish', 'shoal/v1/acme/plant/agent/pump-02/state', retained)).toBe(false);
  });

  it('of scope org reaches every unit of the organisation', () => {
    const authorize = createPolicy(a2aPolicy('org'));
    for (const filter of ['$a2a/v1/discovery/acme/+/+', '$a2a/v1/discovery/acme/#'])
      expect(authorize(attacker, 'subscribe', filter)).toBe(true);
    expect(authorize(attacker, 'publish', '$a2a/v1/request/acme/office/pool/x', publish)).toBe(true);
  });
});
