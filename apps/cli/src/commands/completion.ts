import { Argument, Command } from 'commander';
import { defineCommand } from '../command.ts';
import { completionScript, SHELLS, type Shell } from '../completion/scripts.ts';

/** `bowline completion SHELL`: prints the script that completes this command line. */
export const completion = defineCommand<[shell: Shell], object>({
  declare: () =>
    new Command('completion')
      .summary('print a completion script for a shell')
      .description('Prints a script that completes commands and options of bowline.')
      .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS)),
  examples: [
    'bowline completion bash > ~/.local/share/bash-completion/completions/bowline',
    'bowline completion zsh > ~/.zfunc/_bowline',
    'bowline completion fish > ~/.config/fish/completions/bowline.fish',
  ],
  run: async ([shell], _options, context) => {
    const script = completionScript(shell, context.program());
    return { text: script, json: { shell, script } };
  },
});
