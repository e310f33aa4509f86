import { Command } from 'commander';
import { AgentError } from '../error.ts';
import type { AfterInstall } from '../install/wish.ts';
import { type CommandContext, defineCommand, type Outcome } from './command.ts';

interface InstallCommandOptions {
  config?: string[];
  source?: string;
  unattended?: boolean;
  force?: boolean;
  yes?: boolean;
  reboot?: boolean;
  poweroff?: boolean;
  dryRun?: boolean;
}

const REBOOT = ['--reboot', 'restart afterwards'] as const;
const POWEROFF = ['--poweroff', 'switch off afterwards'] as const;
const SOURCE = ['--source <ref|dir|url>', 'release to install; the running medium unless given'] as const;

/** `bowline-agent install`: puts the system of the running medium, or a release, on a disk. */
export const install = defineCommand<[device: string | undefined], InstallCommandOptions>({
  declare: () =>
    new Command('install')
      .description(
        'Installs the system of the running medium, or a release, on a disk of this machine. Without arguments, on a terminal, it ' +
          'asks. The configuration of the live system goes along. A disk that is not empty is refused unless --force is given. ' +
          'The disk starts nothing until all is written and read back: after an interruption, install again.',
      )
      .argument('[device]', 'disk: /dev/NAME, a link below /dev/disk, or auto for the largest')
      .option('--config <file|url>', 'configuration for the installed system; may be given again', collect)
      .option(...SOURCE)
      .option('--unattended', 'install if install.auto of the configuration says so, else do nothing; never ask')
      .option('--force', 'erase a disk that is not empty')
      .option('--yes', 'do not ask')
      .option(...REBOOT)
      .option(...POWEROFF)
      .option('--dry-run', 'show what would be done; write nothing'),
  examples: [
    'bowline-agent install',
    'bowline-agent install /dev/vda --config https://example.com/edge.yaml --yes --reboot',
    'bowline-agent install auto --dry-run',
    'bowline-agent install /dev/nvme0n1 --source registry.example.com/edge:2 --force --yes',
  ],
  run: async ([device], options, context) => {
    const { ask } = await chooseWay(device, options, context);
    if (ask) return askPeople(context);
    return installNow(device, options, context);
  },
});

/** `bowline-agent manual-install CONFIG`: what Kairos calls it. */
export const manualInstall = defineCommand<[config: string], InstallCommandOptions & { device?: string }>({
  declare: () =>
    new Command('manual-install')
      .description('Installs with a configuration, without asking; the same as install --config CONFIG --yes.')
      .argument('<config>', 'configuration: a file, or a web address')
      .option('--device <path>', 'disk; that of the configuration unless given')
      .option(...SOURCE)
      .option('--force', 'erase a disk that is not empty')
      .option(...REBOOT)
      .option(...POWEROFF),
  examples: ['bowline-agent manual-install --device /dev/vda /run/config.yaml'],
  run: ([config], { device, ...options }, context) =>
    installNow(device, { ...options, config: [config], yes: true }, context),
});

async function chooseWay(device: string | undefined, options: InstallCommandOptions, { json }: CommandContext) {
  // Who says anything about the installation knows what there is to say; --debug is not about it.
  const { config, source, unattended, force, yes, reboot, poweroff, dryRun } = options;
  const said = [device, config, source, unattended, force, yes, reboot, poweroff, dryRun];
  if (json || said.some((word) => word !== undefined)) return { ask: false };
  const { isTerminal } = await import('../install-terminal/ask-on-terminal.ts');
  return { ask: isTerminal() };
}

async function askPeople({ machine, cwd, host }: CommandContext): Promise<Outcome> {
  const { askOnTerminal } = await import('../install-terminal/ask-on-terminal.ts');
  const { result, after } = await askOnTerminal(machine, { cwd, term: host.env['TERM'] });
  return { text: '', json: { ...result, after } };
}

async function installNow(
  device: string | undefined,
  options: InstallCommandOptions,
  context: CommandContext,
): Promise<Outcome> {
  const { machine, cwd, say } = context;
  if (machine.root === '/' && process.getuid?.() !== 0) {
    throw new AgentError({ code: 'NOT_ROOT', message: 'only root may install', hint: 'Run it as root.' });
  }
  const [{ readNamedConfig }, { wishOf }, { planInstall }, texts] = await Promise.all([
    import('../config/named-config.ts'),
    import('../install/request.ts'),
    import('../install/plan-install.ts'),
    import('../install/plan-text.ts'),
  ]);
  const configurations = [];
  for (const name of options.config ?? []) {
    const { path, text } = await readNamedConfig(machine, name, cwd);
    configurations.push({ origin: path, text });
  }
  const { wish, reports, warnings } = await wishOf(machine, {
    device,
    source: options.source,
    force: options.force === true,
    after: afterOf(options),
    configurations,
  });
  if (options.unattended === true && !wish.unattended) {
    return { text: 'Nothing to do: install.auto is not set.', json: { installed: false } };
  }
  const show = await output(options, context);
  try {
    for (const warning of warnings) say(`warning: ${warning}`);
    const plan = await planInstall(machine, wish, reports);
    if (options.dryRun === true) return { text: texts.planText(plan), json: texts.planDocument(plan) };
    await show.line(texts.planText(plan));
    if (options.unattended !== true && options.yes !== true) await confirm(context);
    const { runInstall } = await import('../install/run-install.ts');
    const result = await runInstall(machine, plan, { onProgress: (progress) => show.progress.show(progress) });
    show.progress.end();
    await show.line(texts.resultText(result));
    if (plan.after !== 'nothing') {
      const { endMachine } = await import('../install-choice/end-machine.ts');
      await show.line(plan.after === 'reboot' ? 'The machine restarts.' : 'The machine switches off.');
      await endMachine(machine, plan.after);
    }
    return { text: '', json: { installed: true, ...result, after: plan.after } };
  } catch (error) {
    show.progress.end();
    // Nobody reads the journal of a machine without a system: the reason is said where people look.
    if (options.unattended === true) {
      const { failureText } = await import('../output.ts');
      await show.console(`The installation did not work. ${failureText(error, { stack: false }).trim()}`);
      await show.console('The live system goes on: bowline-agent install asks and tries again.');
    }
    throw error;
  }
}

/** Progress and results: on standard error, and on the consoles of a machine that installs by itself. */
async function output({ unattended }: InstallCommandOptions, { machine, say, json }: CommandContext) {
  const [{ writeToConsoles }, { paintedProgress, plainProgress }] = await Promise.all([
    import('../install/consoles.ts'),
    import('../install-terminal/progress-line.ts'),
  ]);
  let last: Promise<void> = Promise.resolve();
  const toConsole = (text: string): Promise<void> => {
    if (unattended !== true) return Promise.resolve();
    last = last.then(() => writeToConsoles(machine, text));
    return last;
  };
  const line = async (text: string): Promise<void> => {
    for (const part of text.split('\n')) say(part);
    await toConsole(text);
  };
  const isScreen = process.stderr.isTTY && !json && unattended !== true;
  const write = (text: string) => void line(text.trimEnd());
  return {
    line,
    console: toConsole,
    progress: isScreen ? paintedProgress(process.stderr, () => performance.now()) : plainProgress({ write }),
  };
}

async function confirm({ json }: CommandContext): Promise<void> {
  if (process.stdin.isTTY && !json) {
    const { createInterface } = await import('node:readline/promises');
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await reader.question('Install? [y/N] ').finally(() => reader.close());
    if (/^y(?:es)?$/i.test(answer.trim())) return;
  }
  throw new AgentError({
    code: 'USAGE',
    message: 'Nothing was written: nobody confirmed it.',
    hint: 'Give --yes to install without being asked.',
  });
}

function afterOf({ reboot, poweroff }: InstallCommandOptions): AfterInstall | undefined {
  if (poweroff === true) return 'poweroff';
  return reboot === true ? 'reboot' : undefined;
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}
