import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { REQUIREMENTS, SCENARIOS } from '../src/index.ts';
import { notTestedReason } from '../src/core/not-tested.ts';

/** Writes requirements.json and docs/requirements.md from the source; `--check` only compares. */
const scenariosOf = (id: string): string[] =>
  SCENARIOS.filter(({ requirements }) => requirements.includes(id)).map((scenario) => scenario.id);

const rows = REQUIREMENTS.map((requirement) => {
  const scenarios = scenariosOf(requirement.id);
  return {
    ...requirement,
    scenarios,
    ...(scenarios.length === 0 ? { notTested: notTestedReason(requirement) ?? '' } : {}),
  };
});

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('$a2a', '`$a2a`');
const table = rows.map(
  ({ id, level, roles, part, section, text, scenarios, notTested }) =>
    `| ${id} | ${level} | ${roles.join(', ')} | ${part} | ${cell(text)} | ${section} | ${scenarios.length > 0 ? scenarios.join(' ') : `not tested: ${notTested}`} |`,
);
const tested = rows.filter(({ scenarios }) => scenarios.length > 0).length;
const markdown = `# Requirements

Generated from \`src/core/requirements.ts\`; the same as data: \`requirements.json\`. ${rows.length} requirements, ${tested} of them tested by
${SCENARIOS.length} scenarios. \`part\` tells what a requirement counts for: \`core\` for the level Core, the optional parts for Extended,
\`reading\` (where the profile is silent) and \`informative\` for nothing. Sections are those of the A2A-over-MQTT profile 0.1.

| id | level | role | part | requirement | section | scenarios |
| -- | ----- | ---- | ---- | ----------- | ------- | --------- |
${table.join('\n')}
`;

const files = [
  ['../requirements.json', `${JSON.stringify(rows, null, 2)}\n`],
  ['../docs/requirements.md', markdown],
] as const;

for (const [name, content] of files) {
  const file = fileURLToPath(new URL(name, import.meta.url));
  if (!process.argv.includes('--check')) writeFileSync(file, content);
  else if (readFileSync(file, 'utf8') !== content) {
    process.stderr.write(`${file} is not up to date: run pnpm --filter @shoal/conformance run generate\n`);
    process.exitCode = 1;
  }
}
