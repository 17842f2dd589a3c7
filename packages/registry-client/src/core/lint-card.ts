import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { isMqttBinding } from '@shoal/protocol';

export interface Finding {
  /** Dotted path in the card. */
  readonly field: string;
  /** What is odd and how to mend it. */
  readonly message: string;
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
  return findings;
}
