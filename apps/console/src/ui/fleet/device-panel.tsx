import type { DeviceStatus } from '@shoal/device-agent';
import type { RegisteredAgent } from '@shoal/registry-client';
import { useEffect, useMemo, type ReactNode } from 'react';
import { deviceParams } from '../../core/agent-row.ts';
import { plural, quantity } from '../../core/format.ts';
import { DeviceStore } from '../../io/device-store.ts';
import { useConsole, useSignal } from '../hooks.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { Disclosure, Json } from '../parts/json.tsx';
import { Empty, Notice } from '../parts/page-head.tsx';
import { ChannelChart } from './channel-chart.tsx';
import { DeviceTools } from './device-tools.tsx';
import { Relations } from './relations.tsx';

const HEALTH: Readonly<Record<DeviceStatus['health'], Tone>> = {
  silent: 'rest',
  learning: 'calm',
  healthy: 'good',
  anomalous: 'bad',
  drifting: 'warn',
  'sensor-fault': 'warn',
};

const MOST_CHARTS = 12;

/** Live telemetry against what the agent has learnt is normal, what it knows, and what the device can do. */
export function DevicePanel({
  agent,
  deviceId,
}: {
  readonly agent: RegisteredAgent;
  readonly deviceId: string;
}): ReactNode {
  const { link } = useConsole();
  const { org, unit, agentId } = agent.address;
  const store = useMemo(
    () => new DeviceStore({ org, unit, agentId }, deviceId),
    [org, unit, agentId, deviceId],
  );
  useEffect(() => {
    void store.open(link);
    return () => void store.close();
  }, [store, link]);
  const version = useSignal(store.signal);
  const { status, ring } = store;
  const channels =
    ring.channels.length > 0 ? ring.channels : (status?.channels.map(({ channel }) => channel) ?? []);
  return (
    <>
      {status !== undefined && <Health status={status} />}
      {store.problem !== undefined && (
        <Notice tone="warn">
          {plural(store.malformed, 'message')} could not be used. The last one: {store.problem}
        </Notice>
      )}
      <section className="panel" aria-label="Telemetry">
        <div className="panel-head">
          <h2>Telemetry</h2>
          <span className="muted">
            the shaded band is what the agent has learnt is normal ·{' '}
            <span className="number">{ring.received}</span> samples
          </span>
        </div>
        {channels.length === 0 ? (
          <Empty title="No telemetry yet">It is shown as soon as {deviceId} publishes a sample.</Empty>
        ) : (
          <div className="charts">
            {channels.slice(0, MOST_CHARTS).map((channel) => (
              <ChannelChart
                key={channel}
                ring={ring}
                channel={channel}
                band={status?.channels.find((known) => known.channel === channel)}
                accused={status?.incident?.channels.includes(channel) ?? false}
                version={version}
              />
            ))}
          </div>
        )}
        {channels.length > MOST_CHARTS && (
          <p className="muted">{channels.length - MOST_CHARTS} more channels are in the context below.</p>
        )}
      </section>
      <DeviceTools address={agent.address} deviceId={deviceId} />
      <section className="panel" aria-label="Context">
        <h2>Context</h2>
        <Relations params={deviceParams(agent.card)} />
        {status === undefined ? (
          <Empty title="The agent keeps no context that can be read">
            A device agent writes it once a second while samples come.
          </Empty>
        ) : (
          <>
            <ContextFacts status={status} />
            <Disclosure title="Everything that the agent knows, as JSON">
              <Json value={status} label="Context of the device agent" />
            </Disclosure>
          </>
        )}
      </section>
    </>
  );
}

function Health({ status }: { readonly status: DeviceStatus }): ReactNode {
  const { incident } = status;
  return (
    <section className="panel health" aria-label="Health">
      <Badge tone={HEALTH[status.health]}>{status.health}</Badge>
      <span>
        {incident === null
          ? status.phase === 'learning'
            ? `learning what normal is, ${status.learnedSamples} samples so far`
            : 'nothing departs from what was learnt'
          : `${incident.kind} since ${incident.since.slice(11, 19)} (device time): ${incident.channels.join(', ')}; peak ${quantity(incident.peakScore)} times the threshold`}
      </span>
    </section>
  );
}

function ContextFacts({ status }: { readonly status: DeviceStatus }): ReactNode {
  const facts: readonly (readonly [string, string])[] = [
    [
      'Baseline',
      status.phase === 'learning' ? 'being learnt' : `${status.learnedSamples.toLocaleString('en')} samples`,
    ],
    [
      'Load',
      status.loadPercent === null
        ? 'not known'
        : `${status.loadPercent} %, ${status.headroomPercent} % to spare`,
    ],
    [
      'Speed',
      status.speed === null
        ? 'not known'
        : `${status.speed.setpointRpm} rpm${status.speed.running ? '' : ', stopped'}`,
    ],
    [
      'Incidents',
      status.recentIncidents.length === 0
        ? 'none so far'
        : status.recentIncidents.map(({ kind, since }) => `${kind} ${since.slice(11, 19)}`).join(', '),
    ],
    [
      'Requests',
      status.requests.length === 0
        ? 'none so far'
        : status.requests.map(({ state, taskId }) => `${taskId.slice(0, 8)} ${state}`).join(', '),
    ],
    [
      'Samples',
      `${status.telemetry.received.toLocaleString('en')} taken, ${status.telemetry.malformed} malformed`,
    ],
  ];
  return (
    <dl className="facts">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
