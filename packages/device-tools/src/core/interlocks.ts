/** Interlocks that both ends can check: conditions over the channels. Pure. */
import type { ChannelCondition, Interlock } from './declaration.ts';
import type { Refusal } from './refusal.ts';

export type Channels = Readonly<Record<string, number | null>>;

/** The state in words, when an interlock blocks. A channel without a value blocks: nobody knows. */
export function blockedBy(condition: ChannelCondition, channels: Channels): string | undefined {
  const { channel, unit, above, below } = condition;
  const value = channels[channel];
  if (typeof value !== 'number' || !Number.isFinite(value)) return `${channel} has no value`;
  if (above !== undefined && value > above) return `${channel} is ${value} ${unit}, above ${above} ${unit}`;
  if (below !== undefined && value < below) return `${channel} is ${value} ${unit}, below ${below} ${unit}`;
  return undefined;
}

/** The first interlock that blocks by the channels; those without a condition are not looked at. */
export function checkInterlocks(interlocks: readonly Interlock[], channels: Channels): Refusal | undefined {
  for (const { name, blockedWhen } of interlocks) {
    const state = blockedWhen === undefined ? undefined : blockedBy(blockedWhen, channels);
    if (state !== undefined) return interlockRefusal(name, state);
  }
  return undefined;
}

export function interlockRefusal(name: string, state: string): Refusal {
  return { code: 'interlock', message: `interlock ${name}: ${state}`, interlock: { name, state } };
}
