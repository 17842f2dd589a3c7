/** Text from agents and devices cannot move the cursor or recolour the terminal; line ends stay where `lines` says so. */
export function printable(text: string, keep: 'one-line' | 'lines' = 'one-line'): string {
  // oxlint-disable no-control-regex
  const control =
    keep === 'lines' ? /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/g : /[\u0000-\u001F\u007F-\u009F]/g;
  // oxlint-enable no-control-regex
  return text.replace(control, ' ').replace(/[\u202A-\u202E\u2066-\u2069\u200E\u200F]/g, '');
}
