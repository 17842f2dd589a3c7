import { describe, expect, it } from 'vitest';

import { createHarness } from './engine-harness.ts';

const as = (holder: string | undefined, bound = false) => ({ username: holder, holder, bound });

describe('the session of a client id', () => {
  it('is not handed to another user, connected or not', () => {
    const harness = createHarness();
    const owner = harness.connect('pump', { sessionExpirySeconds: 60 }, as('anna'));
    expect(harness.connect('pump', {}, as('bert')).port.take('connack')).toMatchObject([
      { reasonCode: 0x85 },
    ]);
    expect(owner.port.closed).toBe(false);
    owner.drop();
    const later = harness.connect('pump', { cleanStart: false }, as('bert'));
    expect(later.port.take('connack')).toMatchObject([{ reasonCode: 0x85 }]);
    const nobody = harness.connect('pump', { cleanStart: false }, as(undefined));
    expect(nobody.port.take('connack')).toMatchObject([{ reasonCode: 0x85 }]);
    const again = harness.connect('pump', { cleanStart: false }, as('anna'));
    expect(again.port.take('connack')).toMatchObject([{ reasonCode: 0, sessionPresent: true }]);
  });

  it('goes to the user whose credential names it', () => {
    const harness = createHarness();
    const squatter = harness.connect('pump', {}, as('bert'));
    harness.connect('pump', {}, as('anna', true));
    expect(squatter.port.take('disconnect')).toMatchObject([{ reasonCode: 0x8e }]);
    expect(harness.connect('pump', {}, as('bert')).port.take('connack')).toMatchObject([
      { reasonCode: 0x85 },
    ]);
  });

  it('is free again when it ended', () => {
    const harness = createHarness();
    harness.connect('pump', {}, as('anna')).drop();
    expect(harness.connect('pump', {}, as('bert')).port.take('connack')).toMatchObject([{ reasonCode: 0 }]);
  });
});
