/** What whoever serves the page says about it, in `config.json` beside it. All of it is optional. */
export interface Settings {
  readonly brokerUrl: string;
  readonly org: string;
  readonly unit: string;
}

export async function readSettings(): Promise<Settings> {
  const none = { brokerUrl: '', org: '', unit: '' };
  try {
    const answer = await fetch('./config.json', { headers: { accept: 'application/json' } });
    if (!answer.ok) return none;
    const value = (await answer.json()) as Record<string, unknown>;
    const text = (name: string): string => (typeof value[name] === 'string' ? value[name] : '');
    return { brokerUrl: text('brokerUrl'), org: text('org'), unit: text('unit') };
  } catch {
    return none;
  }
}
