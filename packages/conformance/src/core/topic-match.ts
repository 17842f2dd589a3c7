/**
 * Whether a topic filter matches a topic name (MQTT 5 §4.7). A `$share/{group}/` in front of the filter is not looked at. With
 * `wildcardsMatchDollar`, as a wrong broker might see it: what such a broker delivers has to be noticed.
 */
export function topicMatches(filter: string, topic: string, wildcardsMatchDollar = false): boolean {
  const levels = filter.startsWith('$share/') ? filter.split('/').slice(2) : filter.split('/');
  const names = topic.split('/');
  if (!wildcardsMatchDollar && topic.startsWith('$') && (levels[0] === '+' || levels[0] === '#'))
    return false;
  for (const [index, level] of levels.entries()) {
    if (level === '#') return true;
    if (index >= names.length || (level !== '+' && level !== names[index])) return false;
  }
  return levels.length === names.length;
}
