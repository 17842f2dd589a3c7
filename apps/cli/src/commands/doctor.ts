import { isLinkError, openLink } from '@shoal/mqtt-link';
import { randomUUID } from 'node:crypto';
import { credentialsOf, type Credentials } from '../connection/connect.ts';
import { readPassword } from '../connection/secret.ts';
import { examine } from '../doctor/examine.ts';
import { isolation } from '../doctor/isolation.ts';
import { check, messageOf, openPatient, type Patient } from '../doctor/patient.ts';
import { anonymous, tls } from '../doctor/security.ts';
import { printable } from '../output/printable.ts';
import type { Style } from '../output/style.ts';
import type { Context } from '../program/context.ts';
import { implement } from '../program/leaf.ts';
import type { Check, Doctor } from '../shapes/doctor.ts';
import { resolve } from 'node:path';

interface DoctorFlags {
  readonly otherUsername?: string;
  readonly otherPasswordFile?: string;
  readonly otherOrg?: string;
  readonly otherUnit?: string;
}

export const doctor = implement<Doctor>({
  async run(context, _args, given) {
    const { settings } = context;
    const credentials = await credentialsOf(context.io, settings);
    const { org = 'shoal-doctor', unit = 'shoal-doctor', timeoutMs, clientId } = settings;
    const checks: Check[] = [];
    let opened;
    try {
      opened = await context.waiting(
        `connecting to ${settings.url}`,
        openPatient({ credentials, org, unit, timeoutMs, clientId, signal: context.signal }),
      );
    } catch (error) {
      checks.push(notReached(error));
      return summary(settings.url, [...checks, ...(await doorOf(credentials, timeoutMs))]);
    }
    const { patient, close } = opened;
    context.atEnd(close);
    checks.push(
      check(
        'connect',
        'reachable, MQTT 5',
        'ok',
        `connected to ${settings.url}${settings.username === undefined ? '' : ` as ${settings.username}`}`,
      ),
    );
    const [found, door] = await context.waiting(
      'looking at the broker',
      Promise.all([examine(patient), doorOf(credentials, timeoutMs)]),
    );
    const apart = await context.waiting(
      'trying to cross between units',
      isolationOf(context, patient, given as DoctorFlags, door),
    );
    return summary(settings.url, [...checks, ...found, ...door, ...apart]);
  },
  text({ broker, checks, errors, warnings, ok }, style) {
    const lines = checks.map((one) => lineOf(one, style));
    const verdict = ok ? style.good('fit') : style.bad('not fit');
    return `${lines.join('')}\n${verdict}: ${broker}, ${count(errors, 'error')}, ${count(warnings, 'warning')}\n`;
  },
  outcome: ({ ok }) => (ok ? 'ok' : 'findings'),
});

function notReached(error: unknown): Check {
  const refused = isLinkError(error, 'connect-refused');
  return check(
    'connect',
    'reachable, MQTT 5',
    'error',
    messageOf(error),
    refused
      ? 'check user name, password and client id'
      : 'check the URL and that the broker runs and speaks MQTT 5',
  );
}

async function doorOf(credentials: Credentials, timeoutMs: number): Promise<readonly Check[]> {
  const [door, secure] = await Promise.all([
    anonymous(credentials, timeoutMs),
    tls(credentials, timeoutMs, Date.now()),
  ]);
  return [...door, secure];
}

async function isolationOf(
  context: Context,
  patient: Patient,
  flags: DoctorFlags,
  door: readonly Check[],
): Promise<readonly Check[]> {
  const title = 'units are isolated';
  const { otherUsername: username, otherPasswordFile, otherOrg, otherUnit } = flags;
  const { env, cwd } = context.io;
  if (username === undefined) {
    const open = door.some(({ id, severity }) => id === 'anonymous' && severity === 'error');
    return [
      check(
        'isolation',
        title,
        'skip',
        open ? 'an open broker isolates nobody' : 'it takes the credential of another unit to prove',
        'give --other-username and SHOAL_OTHER_PASSWORD or --other-password-file',
      ),
    ];
  }
  const password =
    otherPasswordFile === undefined
      ? env['SHOAL_OTHER_PASSWORD']
      : await readPassword(resolve(cwd, otherPasswordFile), '--other-password-file');
  const { org = 'shoal-doctor', unit = 'shoal-doctor' } = context.settings;
  const other = { org: otherOrg ?? org, unit: otherUnit ?? unit };
  try {
    const open = () =>
      openLink({
        url: patient.credentials.url,
        ...(patient.credentials.tls === undefined ? {} : { tls: patient.credentials.tls }),
        username,
        ...(password === undefined ? {} : { password }),
        clientId: `${other.org}/${other.unit}/cli-doctor-${randomUUID().slice(0, 8)}`,
        reconnect: false,
        connectTimeoutMs: context.settings.timeoutMs,
      });
    const link = await open();
    context.atEnd(() => link.close());
    return await isolation(
      { link: patient.link, org, unit, open: () => patient.open() },
      { link, ...other, open },
      context.settings.timeoutMs,
    );
  } catch (error) {
    return [
      check(
        'isolation',
        title,
        'error',
        `the other credential: ${messageOf(error)}`,
        'check --other-username and its password',
      ),
    ];
  }
}

function summary(broker: string, checks: readonly Check[]): Doctor {
  const errors = checks.filter(({ severity }) => severity === 'error').length;
  const warnings = checks.filter(({ severity }) => severity === 'warn').length;
  return { broker, checks: [...checks], errors, warnings, ok: errors === 0 };
}

function lineOf({ severity, title, detail, fix }: Check, style: Style): string {
  const paint = { ok: style.good, info: style.dim, warn: style.warn, error: style.bad, skip: style.dim }[
    severity
  ];
  const mend = fix === null || severity === 'ok' ? '' : `       ${style.dim('→')} ${fix}\n`;
  return `${paint(severity.padEnd(5))}  ${style.bold(title)}: ${printable(detail)}\n${mend}`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
