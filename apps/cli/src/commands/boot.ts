import { resolve } from 'node:path';
import { ensureSystemPackages } from '@bowline/host';
import { Argument, Command, Option } from 'commander';
import { attachConsole } from '../boot/attach-console.ts';
import { type Machine, type MachineEnd, startMachine } from '../boot/machine.ts';
import { type PreparedMachine, prepareMachine } from '../boot/prepare-machine.ts';
import { byteSize, type CommandContext, defineCommand, type Outcome, seconds, wholeNumber } from '../command.ts';
import { CliError } from '../error.ts';

const DEFAULT_TIMEOUT_MS = 600_000;

interface BootOptions {
  arch?: 'amd64' | 'arm64';
  memory?: number;
  cpus?: number;
  tpm?: boolean;
  secureBoot?: boolean;
  bios?: boolean;
  serialLog?: string;
  expect?: RegExp;
  timeout?: number;
  ssh?: number;
  snapshot?: boolean;
  disk?: string[];
  run?: string;
}

/** `bowline boot IMAGE`: starts an image in QEMU. */
export const boot = defineCommand<[image: string], BootOptions>({
  declare: () =>
    new Command('boot')
      .summary('start an image in a virtual machine')
      .description(
        'Starts an image in QEMU, with this terminal as its console (Ctrl-] leaves). The image is never written to: what the ' +
          'machine writes is kept in IMAGE.boot, so that the next start continues there.',
      )
      .addArgument(
        new Argument('<image>', 'disk image (raw, .zst, qcow2), ISO, UKI, netboot folder, or the folder of a build'),
      )
      .addOption(new Option('--arch <arch>', 'architecture, where a build has several').choices(['amd64', 'arm64']))
      .option('--memory <size>', 'memory, such as 2G (default: 1G, more where the root is in memory)', byteSize)
      .option('--cpus <n>', 'virtual processors (default: 1)', wholeNumber(1, 64))
      .option('--tpm', 'give it a TPM 2.0 (swtpm)')
      .option('--secure-boot', 'firmware with Secure Boot that enrols the keys of the image')
      .option('--bios', 'start by BIOS instead of UEFI')
      .option('--serial-log <file>', 'also write the console to a file')
      .option('--expect <regex>', 'end well when this appears on the console (lines: ^ and $)', regularExpression)
      .option(
        '--timeout <seconds>',
        'give up after this long (default: 600 with --expect or --run, else never)',
        seconds,
      )
      .option('--ssh <port>', 'lead this port of 127.0.0.1 to port 22 of the machine', wholeNumber(1, 65535))
      .option(
        '--disk <file>',
        'a further raw disk, such as one to install on; made with 8 GiB when it is missing (repeatable)',
        (file: string, files: string[]) => [...files, file],
        [],
      )
      .option('--snapshot', 'forget at the end what the machine wrote')
      .option(
        '--run <command>',
        'run a command in a debug image (after --expect) and end with its output and exit code',
      ),
  examples: [
    'bowline boot out/starter',
    "bowline boot out/starter/starter-0.1.0-amd64.raw --expect 'login:' --timeout 300",
    'bowline boot out/starter --ssh 2222 --tpm --snapshot',
    'bowline boot out/starter/starter-0.1.0-amd64.iso --disk machine.raw',
    "bowline boot out/edge --run 'findmnt -no FSTYPE,OPTIONS /'",
  ],
  run: async ([imagePath], options, context) => {
    const isInteractive = options.expect === undefined && options.run === undefined;
    if (isInteractive && context.json) {
      throw new CliError({
        code: 'USAGE',
        message: '--json needs --expect or --run: a console is not a JSON document',
      });
    }
    const prepared = await prepareMachine(toRequest(imagePath, options, context), {
      processes: context.host.processes,
      cacheFolder: context.cacheFolder,
      signal: context.signal,
      progress: context.progress,
      ensure: (needs) => ensureSystemPackages(context.host, needs, context.progress, context.signal),
    });
    try {
      if (isInteractive) return await bootInteractively(prepared, options, context);
      return await bootUnattended(prepared, options, context);
    } finally {
      await prepared.dispose();
    }
  },
});

function toRequest(imagePath: string, options: BootOptions, context: CommandContext) {
  return {
    imagePath: resolve(context.cwd, imagePath),
    arch: options.arch,
    memoryMiB: options.memory === undefined ? undefined : Math.ceil(options.memory / 2 ** 20),
    cpus: options.cpus,
    tpm: options.tpm,
    secureBoot: options.secureBoot,
    bios: options.bios,
    snapshot: options.snapshot,
    sshPort: options.ssh,
    disks: options.disk?.map((path) => ({ path: resolve(context.cwd, path) })),
    serialLogPath: options.serialLog === undefined ? undefined : resolve(context.cwd, options.serialLog),
    shell: options.run === undefined ? undefined : true,
  };
}

async function bootInteractively(
  prepared: PreparedMachine,
  options: BootOptions,
  context: CommandContext,
): Promise<Outcome> {
  context.closeProgress();
  context.say(`Starting ${prepared.image.path} (${describe(prepared)}). Ctrl-] leaves.`);
  const machine = await startMachine(prepared.plan, {
    processes: context.host.processes,
    signal: context.signal,
    onConsole: (chunk) => void context.terminal.stdout.write(chunk),
  });
  const detach = attachConsole(context.terminal.stdin, machine);
  try {
    const limit = options.timeout === undefined ? undefined : deadline(options.timeout);
    const reason = await Promise.race([machine.exited, detach.left, ...(limit === undefined ? [] : [limit.passed])]);
    limit?.cancel();
    context.signal.throwIfAborted();
    if (typeof reason === 'object') checkEnd(reason, machine);
    if (reason === 'timeout')
      throw new CliError({ code: 'EXPECT_TIMEOUT', message: 'the time given with --timeout is over' });
  } finally {
    detach.stop();
    await machine.stop();
  }
  context.say(kept(prepared));
  return { text: '', json: null };
}

async function bootUnattended(
  prepared: PreparedMachine,
  options: BootOptions,
  context: CommandContext,
): Promise<Outcome> {
  const timeoutMs = options.timeout ?? DEFAULT_TIMEOUT_MS;
  const startedMs = performance.now();
  return await context.progress.task(`Booting ${prepared.image.path} (${describe(prepared)})`, async (task) => {
    const machine = await startMachine(prepared.plan, { processes: context.host.processes, signal: context.signal });
    const showing = setInterval(() => task.note(machine.serialTail(1)[0]?.trim().slice(0, 100) ?? ''), 500);
    try {
      const match = options.expect === undefined ? null : await machine.waitFor(options.expect, timeoutMs);
      const elapsedMs = Math.round(performance.now() - startedMs);
      if (options.run !== undefined)
        return await runCommand(machine, options.run, Math.max(1000, timeoutMs - elapsedMs));
      if (match === null) throw new TypeError('nothing to wait for');
      return {
        text: `"${match[0]}" appeared after ${Math.round(elapsedMs / 100) / 10} s`,
        json: { matched: match[0], elapsedMs, accelerator: prepared.plan.accelerator },
      };
    } catch (error) {
      context.signal.throwIfAborted();
      throw error;
    } finally {
      clearInterval(showing);
      await machine.stop();
    }
  });
}

async function runCommand(machine: Machine, command: string, timeoutMs: number): Promise<Outcome> {
  const { exitCode, output } = await machine.run(command, { timeoutMs });
  return { text: '', bytes: output, json: { exitCode, output: new TextDecoder().decode(output) }, exitCode };
}

/** A machine that was shut down from inside ends well; QEMU's own complaint is a failure. */
function checkEnd(end: MachineEnd, machine: Machine): void {
  if (end.exitCode === 0) return;
  const reason = end.stderrTail.trim().split('\n').at(-1) ?? '';
  throw new CliError({
    code: 'MACHINE_ENDED',
    message: reason === '' ? 'the machine ended unexpectedly' : `the machine ended: ${reason}`,
    details: { exitCode: end.exitCode, serialTail: machine.serialTail() },
  });
}

function describe({ plan, image }: PreparedMachine): string {
  const speed = plan.accelerator === 'kvm' ? 'KVM' : 'emulated, no KVM';
  return `${image.kind}, ${plan.arch}, ${plan.memoryMiB} MiB, ${speed}`;
}

function kept(prepared: PreparedMachine): string {
  return prepared.stateFolder === undefined
    ? 'Nothing the machine wrote was kept.'
    : `What the machine wrote is kept in ${prepared.stateFolder}; remove that folder to start afresh.`;
}

function deadline(limitMs: number): { passed: Promise<'timeout'>; cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<'timeout'>();
  const timer = setTimeout(() => resolve('timeout'), limitMs);
  return { passed: promise, cancel: () => clearTimeout(timer) };
}

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text, 'm');
  } catch (error) {
    throw new CliError({
      code: 'USAGE',
      message: `--expect is not a regular expression: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Characters such as ( [ * + ? stand for themselves behind a backslash.',
    });
  }
}
