import type { OptionSpec } from './leaf.ts';

/** Of every command that speaks to a broker; the first is the one that `urlFlag` takes the place of. */
export const CONNECTION_OPTIONS: readonly OptionSpec[] = [
  { flags: '-b, --broker <url>', description: 'mqtt://, mqtts://, ws:// or wss:// (SHOAL_BROKER_URL)' },
  { flags: '-u, --username <name>', description: 'user name (SHOAL_USERNAME)' },
  {
    flags: '--password-file <file>',
    description: 'file with the password, "-" for standard input (SHOAL_PASSWORD_FILE; or SHOAL_PASSWORD)',
  },
  { flags: '--password <text>', description: 'others may see it: prefer the ways above' },
  { flags: '--org <id>', description: 'organisation in every topic (SHOAL_ORG)' },
  { flags: '--unit <id>', description: 'unit in every topic (SHOAL_UNIT)' },
  { flags: '--client-id <id>', description: 'MQTT client id; default org/unit/cli-… (SHOAL_CLIENT_ID)' },
  { flags: '--ca <file>', description: 'PEM of an authority to trust (SHOAL_CA_FILE)' },
  { flags: '--cert <file>', description: 'PEM of a client certificate (SHOAL_CERT_FILE)' },
  { flags: '--key <file>', description: 'PEM of its key (SHOAL_KEY_FILE)' },
  { flags: '--insecure', description: "do not check the broker's certificate" },
  { flags: '--timeout <seconds>', description: 'longest wait for an answer, default 15 (SHOAL_TIMEOUT)' },
  { flags: '--config <file>', description: 'configuration file, default shoal.config.json (SHOAL_CONFIG)' },
];

export const JSON_OPTION: OptionSpec = {
  flags: '--json',
  description: 'one JSON document on standard output, all else on standard error',
};

export const JSONL_OPTION: OptionSpec = {
  flags: '--jsonl',
  description: 'a JSON document a line, as it comes',
};

export const COLOR_OPTION: OptionSpec = {
  flags: '--no-color',
  description: 'no colours (also NO_COLOR, and where the output is no terminal)',
};
