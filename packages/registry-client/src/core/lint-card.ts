import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { describeViolations, isMqttBinding, validateAgentCard } from '@shoal/protocol';
import { findEmqxRefusals } from './emqx-card-rules.ts';
import type { Finding } from './finding.ts';
import { SLEEP_EXTENSION, readSleepSchedule } from './sleep-schedule.ts';

export interface CardCheck {
  /** The card can be used: it has everything that A2A 1.0 requires. */
  readonly usable: boolean;
  /** EMQX 6.2 takes it; if not, it drops the card without a word. */
  readonly emqx: boolean;
  readonly findings: readonly Finding[];
}

/** Looks at any JSON value as a card before it is published: what is wrong or odd, and how to mend each. */
export function checkCard(value: unknown, address: AgentAddress): CardCheck {
  const valid = validateAgentCard(value);
  const refusals = findEmqxRefusals(value);
  // Of two findings on one field, EMQX's knows more ways to mend it.
  const named = new Set(refusals.map(({ field }) => field));
  const own = valid.ok
    ? lintCard(valid.value, address)
    : valid.violations.filter(({ field }) => !named.has(field));
  return { usable: valid.ok, emqx: refusals.length === 0, findings: [...own, ...refusals] };
}

/** One line for an error message. */
export function describeFindings(findings: readonly Finding[]): string {
  return describeViolations(findings);
}

/** What a usable card should still do better. Bounded: one finding for each rule. */
export function lintCard(card: AgentCard, address: AgentAddress): Finding[] {
  const findings: Finding[] = [];
  const report = (field: string, message: string): void => void findings.push({ field, message });
  for (const name of ['name', 'description', 'version'] as const) {
    if (card[name] === '') report(name, 'is empty: REQUIRED fields must say something');
  }
  for (const name of ['supportedInterfaces', 'defaultInputModes', 'defaultOutputModes', 'skills'] as const) {
    if (card[name].length === 0) report(name, 'is empty: REQUIRED arrays must hold at least one element');
  }
  const mqtt = card.supportedInterfaces.findIndex(({ protocolBinding }) => isMqttBinding(protocolBinding));
  if (mqtt < 0 && card.supportedInterfaces.length > 0) {
    report(
      'supportedInterfaces',
      `names no MQTT interface, and ${address.agentId} was found on MQTT: add one`,
    );
  }
  const patch = card.supportedInterfaces.findIndex(({ protocolVersion }) =>
    /^\d+\.\d+\.\d+/.test(protocolVersion),
  );
  if (patch >= 0)
    report(`supportedInterfaces[${patch}].protocolVersion`, 'has a patch number: write Major.Minor');
  const untagged = card.skills.findIndex(({ tags }) => tags.length === 0);
  if (untagged >= 0) report(`skills[${untagged}].tags`, 'is empty: nobody finds the skill by tag');
  lintSkillIds(card, report);
  lintExtensions(card, report);
  return findings;
}

type Report = (field: string, message: string) => void;

function lintSkillIds({ skills }: AgentCard, report: Report): void {
  const seen = new Set<string>();
  for (const [index, { id }] of skills.entries()) {
    if (seen.has(id)) return report(`skills[${index}].id`, 'is the id of another skill: give each its own');
    seen.add(id);
  }
  return undefined;
}

function lintExtensions(card: AgentCard, report: Report): void {
  const extensions = card.capabilities.extensions ?? [];
  const nameless = extensions.findIndex(({ uri }) => uri === undefined || uri === '');
  if (nameless >= 0)
    report(`capabilities.extensions[${nameless}].uri`, 'is missing: nobody knows which extension it is');
  const sleep = extensions.findIndex(({ uri }) => uri === SLEEP_EXTENSION);
  const problem = readSleepSchedule(card)?.problems[0];
  if (problem !== undefined) report(`capabilities.extensions[${sleep}].params`, problem);
}
