import { Command } from 'commander';
import type { MenuEntry, StartedAs } from '../boot-menu/boot-menu.ts';
import { AgentError } from '../error.ts';
import { requireRoot } from '../machine/require-root.ts';
import { type CommandContext, defineCommand, type Outcome } from './command.ts';

interface SelectOptions {
  once?: boolean;
  yes?: boolean;
}

const NAMES =
  'a number of the list, active (the newest good version), passive (the one before), recovery or statereset';

const select = defineCommand<[name: string], SelectOptions>({
  declare: () =>
    new Command('select')
      .description(
        'Chooses what the machine starts: for good, or the next time only. The recovery is started once only.',
      )
      .argument('<name>', NAMES)
      .option('--once', 'the next time only')
      .option('--yes', 'for statereset: do not ask'),
  examples: [
    'bowline-agent bootentry select recovery',
    'bowline-agent bootentry select passive --once',
    'bowline-agent bootentry select 7',
  ],
  run: ([name], options, context) => selectEntry(name, options, context),
});

const list = defineCommand<[], object>({
  declare: () => new Command('list').description('Shows what this machine can start, in the order in which it would.'),
  examples: ['bowline-agent bootentry list', 'bowline-agent bootentry list --json'],
  run: (_args, _options, context) => listEntries(context),
});

/** `bowline-agent bootentry`: what the machine starts. */
export const bootentry = defineCommand<[], SelectOptions & { select?: string }>({
  declare: () =>
    new Command('bootentry')
      .description('Shows what this machine can start, and chooses it.')
      .option('-s, --select <name>', `start it the next time: ${NAMES}`),
  examples: ['bowline-agent bootentry', 'bowline-agent bootentry --select recovery'],
  commands: [list, select],
  run: (_args, options, context) =>
    options.select === undefined
      ? listEntries(context)
      : selectEntry(options.select, { ...options, once: true }, context),
});

async function listEntries({ machine }: CommandContext): Promise<Outcome> {
  requireRoot(machine, 'may see the boot menu');
  const { withBootMenu } = await import('../boot-menu/with-boot-menu.ts');
  const { entries, started, firmware } = await withBootMenu(machine, async (menu) => ({
    entries: await menu.list(),
    started: await menu.started(),
    firmware: menu.firmware,
  }));
  const running = started.recoveryByFirmware ? 'recovery' : started.entry?.generation;
  return {
    text: entries.map((entry) => line(entry, running)).join('\n') || 'The boot menu is empty.',
    json: { firmware, running: running ?? null, entries },
  };
}

function line(
  { generation, title, tries }: MenuEntry,
  running: NonNullable<StartedAs['entry']>['generation'] | undefined,
) {
  const state = tries === 'good' ? '' : tries.left === 0 ? 'bad' : `on trial, ${tries.left} starts left`;
  const notes = [state, generation === running ? 'running' : ''].filter((note) => note !== '');
  return `${String(generation).padEnd(8)}  ${title}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
}

async function selectEntry(name: string, options: SelectOptions, context: CommandContext): Promise<Outcome> {
  const { machine, say } = context;
  requireRoot(machine, 'may change the boot menu');
  if (name === 'statereset') return (await import('./reset.ts')).reset.run([], { yes: options.yes }, context);
  const [{ withBootMenu }, { findByName, promote }, { rememberPromoted }, { withLifecycleLock }] = await Promise.all([
    import('../boot-menu/with-boot-menu.ts'),
    import('../boot-menu/roll-back.ts'),
    import('../boot-menu/remember-promoted.ts'),
    import('../upgrade/lifecycle-lock.ts'),
  ]);
  return withLifecycleLock(
    machine,
    async () => {
      const promoted = await withBootMenu(machine, async (menu) => {
        const entry = findByName(await menu.list(), name);
        if (entry === undefined) throw unknownName(name);
        if (options.once !== true && entry.generation !== 'recovery') return promote(menu, entry);
        await menu.chooseOnce(entry.generation);
        return { entry, before: undefined };
      });
      const { entry, before } = promoted;
      if (before !== undefined) await rememberPromoted(machine, { entry, before });
      const once = before === undefined;
      return {
        text: `The next start is of ${entry.title}${once ? '; the one after it is as before' : ', and so are all after it'}.`,
        json: { generation: entry.generation, title: entry.title, once },
      };
    },
    { say },
  );
}

function unknownName(name: string): AgentError {
  return new AgentError({
    code: 'NO_BOOT_ENTRY',
    message: `The boot menu has no ${JSON.stringify(name.slice(0, 60))}.`,
    hint: `Give ${NAMES}; bowline-agent bootentry list shows them.`,
  });
}
