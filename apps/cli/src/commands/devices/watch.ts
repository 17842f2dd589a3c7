import {
  describeViolations,
  deviceTopics,
  parseJson,
  parseShoalTopic,
  treeFilter,
  validateTelemetry,
} from '@shoal/protocol';
import { collect } from '../../connection/collect.ts';
import { parseAddress } from '../../connection/registry.ts';
import { usageError } from '../../errors.ts';
import { printable } from '../../output/printable.ts';
import { implement } from '../../program/leaf.ts';
import type { DevicesWatch, Sample } from '../../shapes/devices.ts';

export const watch = implement<DevicesWatch>({
  async run(context, [device], flags) {
    const { channel } = flags as { channel?: readonly string[] };
    const collector = collect<Sample>(context, flags);
    const link = await context.connect({ stays: true });
    const { style, settings } = context;
    await link.subscribe(
      filterOf(device, settings),
      ({ topic, payload }) => {
        if (parseShoalTopic(topic)?.kind !== 'telemetry') return;
        const json = parseJson(payload);
        const read = json.ok ? validateTelemetry(json.value) : json;
        if (!read.ok) {
          context.note(`warning: ${topic}: ${describeViolations(read.violations)}`);
          return;
        }
        const { at, deviceId, seq, channels, units = {} } = read.value;
        const wanted = Object.entries(channels).filter(
          ([name]) => channel === undefined || channel.includes(name),
        );
        const sample = { at, deviceId, seq, channels: Object.fromEntries(wanted), units };
        const values = wanted.map(([name, value]) =>
          `${name} ${value === null ? '-' : shown(value)} ${units[name] ?? ''}`.trimEnd(),
        );
        collector.add(
          `${style.dim(at.slice(11, 19))}  ${printable(deviceId).padEnd(12)} ${printable(values.join('  '))}`,
          sample,
        );
      },
      { qos: 0 },
    );
    await collector.done;
    return { samples: [...collector.records], dropped: collector.dropped };
  },
  text: () => '',
});

function filterOf(
  device: string | undefined,
  { org, unit }: { readonly org?: string | undefined; readonly unit?: string | undefined },
): string {
  if (device === undefined)
    return treeFilter('device', {
      ...(org === undefined ? {} : { org }),
      ...(unit === undefined ? {} : { unit }),
    });
  const address = parseAddress(device, { org, unit });
  if (!('org' in address))
    throw usageError(`"${device}": say org/unit/device, or --org and --unit`, 'invalid-address');
  return deviceTopics({ org: address.org, unit: address.unit, deviceId: address.agentId }).all;
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}
