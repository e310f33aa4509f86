import { Command } from 'commander';
import { defineCommand } from './command.ts';

/** `bowline-agent version`. */
export const version = defineCommand<[], { long?: boolean }>({
  declare: () =>
    new Command('version')
      .description('Prints the version of the agent.')
      .option('-l, --long', 'also print what it runs on'),
  examples: ['bowline-agent version', 'bowline-agent version -l'],
  run: async (_args, options, context) => {
    const facts = { version: context.version, node: process.versions.node, arch: process.arch };
    if (options.long !== true) return { text: context.version, json: { version: context.version } };
    return {
      text: Object.entries(facts)
        .map(([key, value]) => `${key}: ${value}`)
        .join('\n'),
      json: facts,
    };
  },
});
