import { describe, expect, it } from 'vitest';

import { filterCovers } from '../src/core/authorization/filter-covers.ts';
import { a2aPolicy, createPolicy, filtersOverlap } from '../src/core/authorization/policy.ts';

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
    const may = (action: 'publish' | 'subscribe', topic: string): boolean => authorize(agent, action, topic);
    expect(may('publish', '$a2a/v1/discovery/acme/plant/pump-01')).toBe(true);
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
