/** The plant that the tests plan for; a Monday at 10:20. */
export const NOW = Date.parse('2026-03-02T10:20:00Z');

export const SEED = {
  site: 'north',
  parts: [
    { sku: 'BRG-1', name: 'Bearing', fits: ['bearing-drive-end'], stock: 2, leadTimeHours: 36, unitCost: 60 },
    {
      sku: 'BRG-2',
      name: 'Bearing C3',
      fits: ['bearing-drive-end'],
      stock: 0,
      leadTimeHours: 12,
      unitCost: 40,
    },
    { sku: 'BLT-1', name: 'Bolts', fits: ['foundation'], stock: 3, leadTimeHours: 24, unitCost: 5 },
  ],
  technicians: [
    {
      id: 'ada',
      name: 'Ada',
      skills: ['bearings', 'mechanics'],
      costPerHour: 60,
      shifts: [{ from: '08:00', to: '16:00' }],
    },
    {
      id: 'bo',
      name: 'Bo',
      skills: ['bearings', 'balancing'],
      costPerHour: 60,
      site: 'south',
      shifts: [{ days: [1, 2, 3, 4, 5], from: '14:00', to: '22:00' }],
    },
  ],
  travel: [{ from: 'north', to: 'south', minutes: 45 }],
};

/** Waiting is dear and standstill is free: the earliest slot wins. */
export const HURRY = { downtimeCostByHour: Array.from({ length: 24 }, () => 0), failureCost: 100_000 };
