import { usageError } from '../errors.ts';
import { implement } from '../program/leaf.ts';

/** Each asks the program itself, so that a script never gets old. An empty answer leaves the word to file names. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# shoal completion for bash: eval "$(shoal completion bash)"
_shoal() {
  local IFS=$'\\n'
  COMPREPLY=( $(shoal __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
}
complete -o default -F _shoal shoal
`,
  zsh: `#compdef shoal
# shoal completion for zsh: eval "$(shoal completion zsh)"
_shoal() {
  local -a found
  found=("\${(@f)$(shoal __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if (( \${#found} )) && [[ -n "\${found[1]}" ]]; then compadd -a found; else _files; fi
}
compdef _shoal shoal
`,
  fish: `# shoal completion for fish: shoal completion fish | source
function __shoal_complete
  set -l words (commandline -opc) (commandline -ct)
  shoal __complete -- $words[2..-1] 2>/dev/null
end
complete -c shoal -a '(__shoal_complete)'
`,
};

export const completion = implement<{ readonly script: string }>({
  run(_context, [shell = '']) {
    const script = SCRIPTS[shell];
    if (script === undefined)
      throw usageError(`"${shell}": there are scripts for ${Object.keys(SCRIPTS).join(', ')}`);
    return Promise.resolve({ script });
  },
  text: ({ script }) => script,
});

export const completeWords = implement<{ readonly words: readonly string[] }>({
  async run(_context, args) {
    const { complete } = await import('../program/complete.ts');
    const { COMMANDS } = await import('./index.ts');
    return { words: complete(COMMANDS, args[0] === '--' ? args.slice(1) : args) };
  },
  text: ({ words }) => words.map((word) => `${word}\n`).join(''),
});
