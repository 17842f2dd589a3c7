/** What calling a tool may do to the world. Pure. */

/**
 * From harmless to harmful. `read` changes nothing; `reversible` can be undone by calling again (a set point within its limits);
 * `disruptive` costs production (a stop); `dangerous` can hurt people or the machine (a start).
 */
export const RISK_CLASSES = ['read', 'reversible', 'disruptive', 'dangerous'] as const;

export type RiskClass = (typeof RISK_CLASSES)[number];

/** Whether a value from outside names a class. */
export function isRiskClass(value: unknown): value is RiskClass {
  return RISK_CLASSES.some((risk) => risk === value);
}

/** True when a tool of this class needs an approval from a caller with this grant. */
export function exceeds(risk: RiskClass, grant: RiskClass): boolean {
  return RISK_CLASSES.indexOf(risk) > RISK_CLASSES.indexOf(grant);
}

/** The class that needs more: how a site raises what a device declares. */
export function higherRisk(one: RiskClass, other: RiskClass): RiskClass {
  return exceeds(one, other) ? one : other;
}
