import { HostError } from '@bowline/host';
import type { LifecycleHook } from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { oneLine } from '../step-error.ts';

/** What runs around an upgrade. */
export interface UpgradeHooks {
  hooks: readonly LifecycleHook[];
  versions: HookVersions;
  say: (line: string) => void;
}

/**
 * Runs what the owner of the machine wants done around an upgrade (stages `before-upgrade` and `after-upgrade` of the
 * cloud-configs, whose failures are reported and stop nothing), and before it the hooks of the image, which may stop it.
 */
export async function runUpgradeHooks(
  machine: Machine,
  when: 'before' | 'after',
  { hooks, versions, say }: UpgradeHooks,
): Promise<void> {
  const { runStage } = await import('../stages/run-stage.ts');
  await runStage(`${when}-upgrade`, machine, { say });
  if (when === 'before') await runHooks(machine, hooks, versions);
}

/** Which versions a hook stands between; it finds them in its environment. */
export interface HookVersions {
  from: string;
  to: string;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs programs of the image one after the other. They find `BOWLINE_FROM_VERSION` and `BOWLINE_TO_VERSION` in their
 * environment. Throws AgentError STEP_FAILED or STEP_TIMEOUT for the first that does not succeed; the others do not run.
 */
async function runHooks(machine: Machine, hooks: readonly LifecycleHook[], versions: HookVersions): Promise<void> {
  for (const { argv, timeoutSeconds } of hooks) {
    const [name = '', ...args] = argv;
    const program = name.startsWith('/') ? machine.locate(name) : await machine.program(name);
    if (program === undefined) throw failed(name, 'it is not in this image');
    const env = { PATH, BOWLINE_FROM_VERSION: versions.from, BOWLINE_TO_VERSION: versions.to };
    try {
      await machine.processes.run({
        argv: [program, ...args],
        env,
        timeoutMs: timeoutSeconds * 1000,
        signal: machine.signal,
      });
    } catch (error) {
      throw explain(name, timeoutSeconds, error);
    }
  }
}

function explain(name: string, timeoutSeconds: number, error: unknown): AgentError {
  if (!(error instanceof HostError)) return failed(name, 'it could not be run', error);
  if (error.code === 'PROCESS_TIMEOUT') {
    return new AgentError({
      code: 'STEP_TIMEOUT',
      message: `The hook ${name} did not end within ${timeoutSeconds} s, so nothing was written.`,
      hint: 'Give it more time in the bowl, or find out what it waits for.',
      cause: error,
    });
  }
  const { exitCode, stderrTail } = error.details ?? {};
  const words = typeof stderrTail === 'string' ? oneLine(stderrTail.trim().split('\n').at(-1) ?? '', 200) : '';
  return failed(name, `it ended with exit code ${String(exitCode)}${words === '' ? '' : `: ${words}`}`, error);
}

function failed(name: string, why: string, cause?: unknown): AgentError {
  return new AgentError({
    code: 'STEP_FAILED',
    message: `The hook ${name} does not let the upgrade begin: ${why}. Nothing was written.`,
    hint: 'Cure what it complains about and try again.',
    cause,
  });
}
