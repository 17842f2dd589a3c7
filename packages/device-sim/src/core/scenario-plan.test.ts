import { describe, expect, it } from 'vitest';
import { planScenario } from './scenario-plan.ts';

describe('planScenario', () => {
  it('alternates pumps and HVAC units, related to each other both ways', () => {
    const plan = planScenario();
    expect(plan.map(({ deviceId }) => deviceId)).toEqual([
      'pump-01',
      'hvac-01',
      'pump-02',
      'hvac-02',
      'pump-03',
      'hvac-03',
      'pump-04',
      'hvac-04',
    ]);
    expect(plan[0]!.relations).toEqual([
      { deviceId: 'hvac-01', relation: 'feeds' },
      { deviceId: 'pump-02', relation: 'standby' },
    ]);
    const inverse = { feeds: 'fed-by', 'fed-by': 'feeds', standby: 'standby' } as const;
    for (const device of plan) {
      for (const { deviceId, relation } of device.relations) {
        const other = plan.find((candidate) => candidate.deviceId === deviceId);
        expect(other?.relations).toContainEqual({ deviceId: device.deviceId, relation: inverse[relation] });
      }
    }
  });

  it('is the same for the same seed; exactly one pump has a bearing fault', () => {
    expect(planScenario({ seed: 5 })).toEqual(planScenario({ seed: 5 }));
    for (const seed of [1, 2, 3, 4, 5]) {
      const faulty = planScenario({ seed }).filter(({ fault }) => fault !== undefined);
      expect(faulty).toMatchObject([
        { type: 'pump', fault: { kind: 'bearing-inner-race', startsAtSample: 600 } },
      ]);
    }
  });

  it('puts faults where they are wanted, and refuses where they cannot be', () => {
    const plan = planScenario({
      faults: [{ kind: 'filter-clogging' }, { kind: 'cavitation', deviceId: 'pump-03', startsAtSample: 700 }],
    });
    expect(
      plan
        .filter(({ fault }) => fault !== undefined)
        .map(({ type }) => type)
        .sort(),
    ).toEqual(['hvac', 'pump']);
    expect(plan[4]!.fault).toMatchObject({ kind: 'cavitation', startsAtSample: 700 });
    expect(() => planScenario({ faults: [{ kind: 'cavitation', deviceId: 'hvac-01' }] })).toThrow(
      /hvac-01 cannot have the fault cavitation/,
    );
    expect(() => planScenario({ devices: 1, faults: [{ kind: 'filter-clogging' }] })).toThrow(
      /any device cannot have/,
    );
  });

  it.each([0, 1001, 1.5])('refuses %d devices', (devices) => {
    expect(() => planScenario({ devices })).toThrow(/devices is/);
  });

  it('needs no pair and no fault', () => {
    expect(planScenario({ devices: 1, faults: [] })).toMatchObject([{ deviceId: 'pump-01', relations: [] }]);
  });
});
