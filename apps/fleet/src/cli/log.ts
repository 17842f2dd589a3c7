import type { LogLine } from '../observe/fleet-view.ts';

const COLOURS: Readonly<Record<LogLine['topic'] | 'console' | 'fleet' | 'restart', number>> = {
  console: 96,
  fleet: 90,
  online: 32,
  offline: 90,
  anomaly: 33,
  request: 36,
  step: 90,
  lost: 31,
  respawn: 35,
  result: 34,
  'hand-over': 90,
  order: 92,
  model: 92,
  end: 36,
  restart: 31,
};

export interface FleetLog {
  line(topic: keyof typeof COLOURS, subject: string, text: string): void;
}

/** The live log: seconds since the start, what, who, and a sentence. Colours only on a terminal that wants them. */
export function createLog(stream: NodeJS.WriteStream, startedAtMs: number): FleetLog {
  const coloured = stream.isTTY && process.env['NO_COLOR'] === undefined;
  return {
    line(topic, subject, text) {
      const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1).padStart(6);
      const label = topic.padEnd(9);
      const painted = coloured ? `\u001B[${COLOURS[topic]}m${label}\u001B[0m` : label;
      stream.write(`${seconds}  ${painted} ${subject.padEnd(12)} ${printable(text)}\n`);
    },
  };
}

/** Text from agents and devices cannot move the cursor or recolour the terminal. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001F\u007F-\u009F]/g, ' ');
}
