import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { Processes, RunningProcess } from '@bowline/host';
import { CliError } from '../error.ts';
import { ConsoleWatcher, type WaitLimits } from './console-watcher.ts';
import { type GuestLimits, type GuestResult, GuestShell } from './guest-shell.ts';
import { sendMonitorCommand } from './monitor.ts';
import type { MachinePlan } from './plan.ts';
import { machineSockets, qemuArgv } from './qemu-argv.ts';

const SOCKET_WAIT_MS = 10_000;
const SOCKET_POLL_MS = 50;
const TAIL_LINES = 20;

/** What a machine needs of the world. */
export interface MachineEnvironment {
  processes: Processes;
  /** Stops the machine. */
  signal?: AbortSignal | undefined;
  /** Gets every chunk of the first serial port. */
  onConsole?: ((chunk: Uint8Array) => void) | undefined;
}

/** How a machine ended. */
export interface MachineEnd {
  exitCode: number | null;
  /** What QEMU itself said last. */
  stderrTail: string;
}

/** A running virtual machine. */
export interface Machine {
  /**
   * Resolves when the console shows the pattern (in text not matched before); see ConsoleWatcher.
   * Throws CliError EXPECT_TIMEOUT | MACHINE_ENDED.
   */
  waitFor(pattern: RegExp, limits: number | WaitLimits): Promise<RegExpExecArray>;
  /** Runs a command in the root shell of a debug image. Throws CliError COMMAND_TIMEOUT | MACHINE_ENDED | NOT_A_DEBUG_IMAGE. */
  run(command: string, limits?: Partial<GuestLimits>): Promise<GuestResult>;
  /** The last lines of the console. */
  serialTail(lines?: number): string[];
  /** Types on the console. */
  type(bytes: Uint8Array): void;
  /** Presses the reset button. */
  reset(): Promise<void>;
  /** Presses the power button; the machine's own software shuts it down. */
  pressPower(): Promise<void>;
  /** Resolves when the machine is off; never rejects. */
  exited: Promise<MachineEnd>;
  /** Switches it off at once, and resolves when nothing of it runs. `cutPower`: like pulling the plug. */
  stop(options?: { cutPower?: boolean }): Promise<void>;
}

/**
 * Starts a planned machine. Whoever starts it must `stop` it.
 * Throws HostError PROCESS_NOT_FOUND; CliError MACHINE_ENDED when the TPM does not start.
 */
export async function startMachine(plan: MachinePlan, environment: MachineEnvironment): Promise<Machine> {
  const tpm = await startTpm(plan, environment);
  let qemu: RunningProcess;
  try {
    qemu = environment.processes.spawn({
      argv: qemuArgv(plan),
      timeoutMs: Number.POSITIVE_INFINITY,
      signal: environment.signal,
    });
  } catch (error) {
    await tpm?.kill();
    throw error;
  }
  return new QemuMachine(plan, environment, qemu, tpm);
}

class QemuMachine implements Machine {
  readonly exited: Promise<MachineEnd>;
  readonly #plan: MachinePlan;
  readonly #signal: AbortSignal | undefined;
  readonly #qemu: RunningProcess;
  readonly #tpm: RunningProcess | undefined;
  readonly #console = new ConsoleWatcher();
  #shell: { guest: GuestShell; socket: Socket } | undefined;

  constructor(
    plan: MachinePlan,
    environment: MachineEnvironment,
    qemu: RunningProcess,
    tpm: RunningProcess | undefined,
  ) {
    this.#plan = plan;
    this.#signal = environment.signal;
    this.#qemu = qemu;
    this.#tpm = tpm;
    const drained = this.#watchConsole(environment.onConsole);
    this.exited = qemu.exited.then(async ({ exitCode, stderrTail }) => {
      await drained;
      this.#console.end(machineEnded({ exitCode, stderrTail }, this.#console.tail(TAIL_LINES)));
      this.#shell?.socket.destroy();
      await tpm?.kill();
      return { exitCode, stderrTail };
    });
  }

  async #watchConsole(onConsole: MachineEnvironment['onConsole']): Promise<void> {
    try {
      for await (const chunk of this.#qemu.output) {
        this.#console.feed(chunk);
        onConsole?.(chunk);
      }
    } catch {
      // The pipe broke: how the process ended says why.
    }
  }

  waitFor(pattern: RegExp, limits: number | WaitLimits): Promise<RegExpExecArray> {
    const wait = typeof limits === 'number' ? { timeoutMs: limits } : limits;
    return this.#console.waitFor(pattern, { signal: this.#signal, ...wait });
  }

  async run(command: string, limits: Partial<GuestLimits> = {}): Promise<GuestResult> {
    if (!this.#plan.shell) {
      throw new CliError({
        code: 'NOT_A_DEBUG_IMAGE',
        message: 'this machine has no port for a root shell',
        hint: 'Commands run only in images built with `bowline build --debug`.',
      });
    }
    if (this.#shell === undefined) {
      const socket = await connectTo(machineSockets(this.#plan.runFolder).shell, this.#qemu);
      this.#shell = { socket, guest: new GuestShell({ write: (bytes) => void socket.write(bytes), output: socket }) };
    }
    return await this.#shell.guest.run(command, { timeoutMs: 60_000, signal: this.#signal, ...limits });
  }

  serialTail(lines: number = TAIL_LINES): string[] {
    return this.#console.tail(lines);
  }

  type(bytes: Uint8Array): void {
    this.#qemu.stdin.write(bytes);
  }

  async reset(): Promise<void> {
    await this.#monitor('system_reset');
  }

  async pressPower(): Promise<void> {
    await this.#monitor('system_powerdown');
  }

  async #monitor(command: string): Promise<void> {
    const socket = await connectTo(machineSockets(this.#plan.runFolder).control, this.#qemu);
    try {
      await sendMonitorCommand(socket, command);
    } finally {
      socket.destroy();
    }
  }

  async stop(options: { cutPower?: boolean } = {}): Promise<void> {
    // QEMU writes its caches on SIGTERM; without a grace time it cannot.
    await this.#qemu.kill(options.cutPower ? 0 : 5000);
    await this.#tpm?.kill();
    await this.exited;
  }
}

async function startTpm(plan: MachinePlan, environment: MachineEnvironment): Promise<RunningProcess | undefined> {
  if (plan.tpmStateFolder === undefined) return undefined;
  const socket = machineSockets(plan.runFolder).tpm;
  const tpm = environment.processes.spawn({
    argv: [
      'swtpm',
      'socket',
      '--tpm2',
      '--tpmstate',
      `dir=${plan.tpmStateFolder}`,
      '--ctrl',
      `type=unixio,path=${socket}`,
      '--terminate',
    ],
    timeoutMs: Number.POSITIVE_INFINITY,
    signal: environment.signal,
  });
  if (await appears(socket, tpm)) return tpm;
  await tpm.kill();
  const { stderrTail } = await tpm.exited;
  throw new CliError({
    code: 'MACHINE_ENDED',
    message: `the TPM emulator (swtpm) did not start: ${lastLine(stderrTail)}`,
    hint: `Remove ${plan.tpmStateFolder} to begin with a fresh TPM.`,
  });
}

/** Waits until a socket file is there; false when the process ended or the time is over. */
async function appears(path: string, owner: RunningProcess): Promise<boolean> {
  let running = true;
  void owner.exited.then(() => {
    running = false;
  });
  const deadline = performance.now() + SOCKET_WAIT_MS;
  while (running && performance.now() < deadline) {
    const found = await stat(path).then(
      (info) => info.isSocket(),
      () => false,
    );
    if (found) return true;
    await new Promise((resolve) => setTimeout(resolve, SOCKET_POLL_MS));
  }
  return false;
}

async function connectTo(path: string, owner: RunningProcess): Promise<Socket> {
  if (!(await appears(path, owner))) {
    const end = await Promise.race([owner.exited, Promise.resolve({ exitCode: null, stderrTail: '' })]);
    throw machineEnded(end, []);
  }
  return await new Promise<Socket>((resolve, reject) => {
    const socket = connect(path, () => {
      socket.removeListener('error', refuse);
      socket.on('error', () => undefined);
      resolve(socket);
    });
    const refuse = (error: Error) =>
      reject(
        new CliError({
          code: 'CONTROL_FAILED',
          message: `cannot talk to the machine: ${error.message}`,
          cause: error,
        }),
      );
    socket.once('error', refuse);
  });
}

function machineEnded(end: MachineEnd, serialTail: string[]): CliError {
  const reason = lastLine(end.stderrTail);
  return new CliError({
    code: 'MACHINE_ENDED',
    message: reason === '' ? 'the machine switched itself off' : `the machine ended: ${reason}`,
    hint: reason.includes('lock') ? 'Another machine uses this image; --snapshot starts one beside it.' : undefined,
    details: { exitCode: end.exitCode, stderr: end.stderrTail.slice(-4000), serialTail },
  });
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}
