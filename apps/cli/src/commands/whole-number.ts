import { usageError } from '../errors.ts';

/** Undefined when the flag was not given. Throws CliError `usage`. */
export function wholeNumber(
  flag: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw usageError(`${flag} takes a whole number from ${least} to ${most}, not "${text}"`);
}
