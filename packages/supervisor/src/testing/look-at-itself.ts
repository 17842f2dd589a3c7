/** Files that a program in a container reads about itself, under cgroups of either version. */
const WAYS = `
const fs = require('node:fs');
const fails = (code, act) => { try { act(); return false; } catch (error) { return error.code === code; } };
const read = (...paths) => paths.filter(fs.existsSync).map((path) => fs.readFileSync(path, 'utf8').trim())[0];
const status = read('/proc/self/status');
const cgroup = '/sys/fs/cgroup/';`;

/** Of a container with 64 MiB and a quarter of a core, a read-only root and no rights. */
const CHECKS: Readonly<Record<string, string>> = {
  root: `fails('EROFS', () => fs.writeFileSync('/x', ''))`,
  tmp: `!fails('EROFS', () => fs.writeFileSync('/tmp/x', ''))`,
  capabilities: `['CapInh', 'CapPrm', 'CapEff', 'CapBnd'].every((set) => new RegExp(set + ':\\\\s0+\\\\n').test(status))`,
  privileges: `/NoNewPrivs:\\s1/.test(status)`,
  memory: `read(cgroup + 'memory.max', cgroup + 'memory/memory.limit_in_bytes') === '67108864'`,
  cpus: `['25000 100000', '25000'].includes(read(cgroup + 'cpu.max', cgroup + 'cpu/cpu.cfs_quota_us'))`,
};

/**
 * A program for a container that looks at what it may do and use: it ends with the number of checks that do not hold. `more`: further
 * ones, JavaScript by name; `report`: what it does with the text `wrong` that names them.
 */
export function looksAtItself(more: Readonly<Record<string, string>>, report: string): string {
  const checks = Object.entries({ ...CHECKS, ...more }).map(([name, check]) => `  ${name}: ${check},`);
  return `${WAYS}
const found = {
${checks.join('\n')}
};
const names = Object.keys(found).filter((name) => !found[name]);
const wrong = 'wrong: ' + names;
${report}
process.exit(names.length);
`;
}
