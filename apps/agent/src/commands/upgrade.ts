import { Command, InvalidArgumentError } from 'commander';
import type { Machine } from '../machine/machine.ts';
import { requireRoot } from '../machine/require-root.ts';
import { type CommandContext, defineCommand, type Outcome } from './command.ts';

interface UpgradeCommandOptions {
  source?: string;
  recovery?: boolean;
  dryRun?: boolean;
  reboot?: boolean;
  force?: boolean;
  allowDowngrade?: boolean;
  limitRate?: number;
}

/** `bowline-agent upgrade`: writes a new version beside the one that runs. */
export const upgrade = defineCommand<[], UpgradeCommandOptions>({
  declare: () =>
    new Command('upgrade')
      .description(
        'Writes a new version of the system beside the one that runs. The next start tries it; a version that is not ' +
          'healthy is left for the one before. Interrupted at any moment, the machine starts the old or the new version, ' +
          'and the same command goes on.',
      )
      .option('--source <ref|dir|url>', 'release: a registry reference, a folder or a web address')
      .option('--recovery', 'write the recovery system: from the source named, else from the version that runs')
      .option('--dry-run', 'show what would change and whether it would start; write nothing')
      .option('--reboot', 'restart into the new version at once')
      .option('--force', 'take a version that failed before, a debug image or an older version')
      .option('--allow-downgrade', 'take an older version')
      .option('--limit-rate <bytes>', 'bytes a second over the network, such as 500k or 2M', parseRate),
  examples: [
    'bowline-agent upgrade',
    'bowline-agent upgrade --source registry.example.com/edge:2 --reboot',
    'bowline-agent upgrade --source https://example.com/edge-release/ --dry-run',
    'bowline-agent upgrade --recovery',
  ],
  run: async (_args, options, context) => {
    const [{ readUpgradeConfig }, { readLifecycle }, { withLifecycleLock }] = await Promise.all([
      import('../upgrade/upgrade-config.ts'),
      import('../machine/read-lifecycle.ts'),
      import('../upgrade/lifecycle-lock.ts'),
    ]);
    const { machine, say } = context;
    requireRoot(machine, 'may upgrade the system');
    const config = await readUpgradeConfig(machine);
    for (const warning of config.warnings) say(`warning: ${warning}`);
    const recovery = options.recovery === true || config.recovery;
    const configured = recovery ? config.recoverySource : config.source;
    const source = options.source ?? configured ?? (recovery ? undefined : (await readLifecycle(machine)).source);
    const afterwards = options.reboot === true ? 'reboot' : options.dryRun === true ? undefined : config.afterwards;
    if (source === undefined && !recovery) throw await noSource();
    if (recovery && options.reboot === true) {
      say('warning: --reboot does nothing: another recovery system does not change what starts.');
    }
    const request = { ...options, recovery, source, afterwards };
    if (options.dryRun === true) return dryRun(request, context);
    return withLifecycleLock(machine, () => upgradeNow(request, context), { say });
  },
});

type Request = Omit<UpgradeCommandOptions, 'recovery' | 'source'> & {
  recovery: boolean;
  source: string | undefined;
  afterwards: 'reboot' | 'poweroff' | undefined;
};

async function upgradeNow(request: Request, context: CommandContext): Promise<Outcome> {
  const { machine, say } = context;
  if (request.source === undefined) return fillFromRunning(context);
  const [{ upgradeMachine }, { upgradeText, upgradeDocument }] = await Promise.all([
    import('../upgrade/upgrade-machine.ts'),
    import('../upgrade/upgrade-text.ts'),
  ]);
  const progress = await progressOf(context);
  try {
    const { prepared, result } = await upgradeMachine(machine, upgradeOptions(request, request.source, progress, say));
    progress.end();
    for (const warning of prepared.warnings) say(`warning: ${warning}`);
    const isWorthIt =
      prepared.plan.kind === 'write' || (prepared.plan.kind === 'nothing' && prepared.plan.reason === 'written');
    const afterwards = isWorthIt && !request.recovery ? request.afterwards : undefined;
    if (request.recovery) await informFirmware(context);
    const outcome: Outcome = {
      text: upgradeText(prepared, result, afterwards),
      json: { ...upgradeDocument(prepared, result), afterwards: afterwards ?? 'nothing' },
    };
    return afterwards === undefined ? outcome : await endWith(outcome, afterwards, machine);
  } finally {
    progress.end();
  }
}

/** The version is in place whether or not the machine can be restarted. */
async function endWith(outcome: Outcome, how: 'reboot' | 'poweroff', machine: Machine): Promise<Outcome> {
  const { endMachine } = await import('../upgrade/power.ts');
  try {
    await endMachine(machine, how);
    return outcome;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      ...outcome,
      text: `${outcome.text}\nwarning: That failed: ${why}. Restart the machine by hand.`,
      exitCode: 1,
    };
  }
}

async function fillFromRunning(context: CommandContext): Promise<Outcome> {
  const { fillRecovery } = await import('../upgrade/fill-recovery.ts');
  const progress = await progressOf(context);
  try {
    const filled = await fillRecovery(context.machine, { replace: true, progress: progress.event });
    await informFirmware(context);
    const texts = {
      filled: `The recovery system is version ${filled.version} now, the one that runs.`,
      there: `The recovery system is version ${filled.version} already: nothing was written.`,
      'no-slot': 'This machine has no recovery slot: nothing was written.',
    };
    progress.end();
    for (const warning of filled.warnings) context.say(`warning: ${warning}`);
    return { text: texts[filled.kind], json: filled };
  } finally {
    progress.end();
  }
}

/** The firmware knows the recovery by the name of its UKI. */
async function informFirmware({ machine, say }: CommandContext): Promise<void> {
  await (await import('../boot-menu/inform-firmware.ts')).keepFirmwareInformed(machine, say);
}

async function dryRun(request: Request, context: CommandContext): Promise<Outcome> {
  const { machine, say } = context;
  const progress = { event: () => undefined, end: () => undefined };
  const [{ planMachineUpgrade }, { previewUpgrade }, { previewText }] = await Promise.all([
    import('../upgrade/upgrade-machine.ts'),
    import('../upgrade/preview-upgrade.ts'),
    import('../upgrade/preview-text.ts'),
  ]);
  if (request.source === undefined) {
    const text = 'The recovery system would become the version that runs; nothing is fetched for it.';
    return { text, json: { recovery: 'running' } };
  }
  const prepared = await planMachineUpgrade(machine, upgradeOptions(request, request.source, progress, say));
  const preview = await previewUpgrade(machine, prepared);
  return { text: previewText(preview), json: preview, exitCode: preview.refusals.length > 0 ? 2 : 0 };
}

function upgradeOptions(
  request: Request,
  source: string,
  progress: Awaited<ReturnType<typeof progressOf>>,
  say: (line: string) => void,
) {
  return {
    source,
    recovery: request.recovery,
    force: request.force === true,
    allowDowngrade: request.allowDowngrade === true,
    limit: request.limitRate,
    progress: progress.event,
    say,
  };
}

async function progressOf({ json, say }: CommandContext) {
  const { progressLines } = await import('../upgrade/progress-lines.ts');
  const isTerminal = process.stderr.isTTY === true && !json;
  return progressLines({
    isTerminal,
    write: (text) => (isTerminal ? void process.stderr.write(text) : say(text.trimEnd())),
    nowMs: () => performance.now(),
  });
}

async function noSource() {
  const { AgentError } = await import('../error.ts');
  return new AgentError({
    code: 'USAGE',
    message: 'Nobody says where the new version comes from.',
    hint: 'Use --source, upgrade.source of the bowl, or upgrade.system.source of a cloud-config.',
  });
}

function parseRate(text: string): number {
  const [, number = '', unit = ''] = /^([0-9]{1,12}(?:\.[0-9]{1,3})?)([kKmMgG]?)(?:B|b|\/s)?$/.exec(text) ?? [];
  const factor = { '': 1, k: 1e3, m: 1e6, g: 1e9 }[unit.toLowerCase()] ?? Number.NaN;
  const rate = Math.floor(Number(number) * factor);
  if (number !== '' && rate >= 1024) return rate;
  throw new InvalidArgumentError('It must be a number of bytes a second, at least 1024, such as 500k or 2M.');
}
