/** Longest text of one piece of data; the rest is left out, and said to be. */
export const MAX_DATA_CHARACTERS = 8_000;

/**
 * What text from outside may not carry into a prompt: control characters except line feed and tab, what turns the direction of text,
 * what is invisible (zero width, tags, variation selectors), and halves of surrogate pairs.
 */
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Variation_Selector}]/gu;

/** Text without what a reader would not see, at most `maxCharacters` long. */
export function cleanText(text: string, maxCharacters = MAX_DATA_CHARACTERS): string {
  // Cut first: the work is bounded, however long the text is. Cut again: the note must fit as well.
  const cleaned = text.slice(0, maxCharacters).replace(HIDDEN, '');
  const left = text.length - maxCharacters;
  return left > 0 ? `${cleaned}\n[${left} characters left out]` : cleaned;
}

/**
 * One piece of data between lines that hold a delimiter. Whoever wrote the data cannot know the delimiter (it is random for each
 * prompt), so nothing in the data can end the fence; if it is in there all the same, it is taken out.
 */
export function fence(name: string, value: unknown, delimiter: string, maxCharacters?: number): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, undefined, 1) ?? 'null');
  const body = cleanText(text, maxCharacters).replaceAll(delimiter, '');
  const label = cleanText(name, 80).replaceAll(delimiter, '').replaceAll('\n', ' ');
  return `<data ${delimiter} ${JSON.stringify(label)}>\n${body}\n</data ${delimiter}>`;
}
