import type { CommandDefinition } from './command.ts';

/** One line of the help, and where the command is. Its module is loaded only when it was chosen. */
export interface CommandEntry {
  name: string;
  aliases?: readonly string[];
  summary: string;
  load: () => Promise<CommandDefinition>;
}

/** Every command, in the order of the help: what people need first, then what the machine calls itself. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'status',
    summary: 'show whether this machine is healthy, and what is not as configured',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'assess',
    summary: 'look whether the running version is healthy',
    load: async () => (await import('./assess.ts')).assess,
  },
  {
    name: 'upgrade',
    summary: 'write a new version of the system, which the next start tries',
    load: async () => (await import('./upgrade.ts')).upgrade,
  },
  {
    name: 'config',
    summary: 'show the configuration of this machine, or a part of it',
    load: async () => (await import('./config.ts')).config,
  },
  {
    name: 'install',
    summary: 'put this system, or a release, on a disk',
    load: async () => (await import('./install.ts')).install,
  },
  {
    name: 'manual-install',
    summary: 'install with a configuration, without asking',
    load: async () => (await import('./install.ts')).manualInstall,
  },
  {
    name: 'validate',
    summary: 'check a configuration',
    load: async () => (await import('./validate.ts')).validate,
  },
  {
    name: 'run-stage',
    summary: 'run the steps of a stage, or show them',
    load: async () => (await import('./run-stage.ts')).runStage,
  },
  {
    name: 'render-template',
    summary: 'show what a template becomes on this machine',
    load: async () => (await import('./render-template.ts')).renderTemplate,
  },
  {
    name: 'state',
    summary: 'show image, kernel and partitions',
    load: async () => (await import('./state.ts')).state,
  },
  {
    name: 'reset',
    summary: 'empty the state of this machine at its next start',
    load: async () => (await import('./reset.ts')).reset,
  },
  {
    name: 'recovery',
    summary: 'make the running version the recovery system',
    load: async () => (await import('./recovery.ts')).recovery,
  },
  {
    name: 'rollback',
    summary: 'go back to the version before this one',
    load: async () => (await import('./rollback.ts')).rollback,
  },
  {
    name: 'bootentry',
    summary: 'show what this machine can start, and choose it',
    load: async () => (await import('./bootentry.ts')).bootentry,
  },
  {
    name: 'logs',
    summary: 'write a support bundle without secrets',
    load: async () => (await import('./logs.ts')).logs,
  },
  {
    name: 'pull-image',
    summary: 'unpack a container image into a folder',
    load: async () => (await import('./pull-image.ts')).pullImage,
  },
  {
    name: 'identity',
    summary: 'compare numbers of users and groups with another image',
    load: async () => (await import('./identity.ts')).identity,
  },
  {
    name: 'passwords',
    summary: 'keep passwords that were changed on this machine',
    load: async () => (await import('./passwords.ts')).passwords,
  },
  {
    name: 'install-web',
    summary: 'let people install this live system from a browser',
    load: async () => (await import('./install-web.ts')).installWeb,
  },
  {
    name: 'start-up',
    summary: 'do what comes before the init of the image',
    load: async () => (await import('./start-up.ts')).startUp,
  },
  {
    name: 'print-schema',
    summary: 'print the JSON Schema of configurations',
    load: async () => (await import('./print-schema.ts')).printSchema,
  },
  {
    name: 'version',
    summary: 'print the version',
    load: async () => (await import('./version.ts')).version,
  },
];
