import type { CardInput } from '@shoal/agent-sdk';
import type { DeviceRelation } from './status.ts';

/** Card extension that says which device an agent watches and what it is connected with. */
export const DEVICE_EXTENSION = 'urn:shoal:device:v1';

export interface DeviceDescription {
  readonly deviceId: string;
  /** Default: the device id. */
  readonly name?: string;
  readonly description?: string;
  /** `pump`, `hvac`, … Also a tag of every skill. */
  readonly deviceType?: string;
  readonly site?: string;
  readonly area?: string;
  readonly relations?: readonly DeviceRelation[];
  readonly tags?: readonly string[];
  readonly version?: string;
}

export function deviceCard(device: DeviceDescription): CardInput {
  const { deviceId, deviceType, site, area, relations = [] } = device;
  const name = device.name ?? deviceId;
  const tags = [...new Set(['device', ...present([deviceType, site, area]), ...(device.tags ?? [])])];
  return {
    name,
    description:
      device.description ??
      `Watches ${name}: learns its normal signal, reports what departs from it, and operates it.`,
    version: device.version ?? '0.0.0',
    capabilities: {
      extensions: [
        {
          uri: DEVICE_EXTENSION,
          description: 'The device that this agent watches and its relations to others.',
          required: false,
          params: {
            deviceId,
            ...(deviceType === undefined ? {} : { deviceType }),
            ...(site === undefined ? {} : { site }),
            ...(area === undefined ? {} : { area }),
            relations: relations.map((relation) => ({ ...relation })),
          },
        },
      ],
    },
    skills: SKILLS.map((skill) => ({ ...skill, tags: [skill.id, ...tags] })),
  };
}

const SKILLS = [
  {
    id: 'status',
    name: 'Status',
    description:
      'Health, incident, baseline, load and headroom, relations, as data. Ask with data {"skill":"status"}.',
    examples: ['{"skill":"status"}'],
    outputModes: ['application/json'],
  },
  {
    id: 'operate',
    name: 'Operate',
    description:
      'Calls a tool of the device, the one way to act on it: data {"skill":"operate","tool","args","sessionId","stepId","attempt",' +
      '"dryRun","approvalId"}. Superseded attempts are dropped, repeated orders get the first answer, a lost answer is "unknown". ' +
      'Ranges, interlocks and approvals are checked here and by the device; "refusal" says what is missing.',
    examples: ['{"skill":"operate","tool":"set_speed","args":{"rpm":1200}}'],
    outputModes: ['application/json'],
  },
  {
    id: 'relearn',
    name: 'Relearn',
    description: 'Forgets what normal looks like and learns again, after a repair or a wanted change.',
    examples: ['{"skill":"relearn"}'],
    outputModes: ['application/json'],
  },
  {
    id: 'explain',
    name: 'Explain',
    description: 'Answers a question in words with what is known, by fixed rules.',
    examples: ['How are you?', 'Why is there an alarm?'],
    outputModes: ['text/plain'],
  },
];

function present(values: readonly (string | undefined)[]): string[] {
  return values.filter((value): value is string => value !== undefined && value !== '');
}
