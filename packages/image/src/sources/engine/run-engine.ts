import { BowlineError } from '@bowline/errors';
import type { Host, OutputSink, ProcessResult } from '@bowline/host';
import { ImageError } from '../../error.ts';
import { type Argv, ENGINE_TIMEOUT_MS } from './engine.ts';

/** Variables of the caller an engine needs for its credentials, proxies, certificates and rootless state. */
const PASSED_VARIABLES = [
  'HOME',
  'USER',
  'XDG_RUNTIME_DIR',
  'XDG_CONFIG_HOME',
  'REGISTRY_AUTH_FILE',
  'DOCKER_CONFIG',
  'DOCKER_HOST',
  'CONTAINER_HOST',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
] as const;

/** What to install on Debian for a program; the engine's own packages only recommend the rest. */
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = { buildah: 'buildah netavark uidmap', docker: 'docker.io' };

/** The part of the caller's environment an engine may see. */
export function engineEnvironment(env: Host['env'], scratch: string): Record<string, string> {
  const passed: Record<string, string> = { TMPDIR: scratch };
  for (const name of PASSED_VARIABLES) {
    const value = env[name];
    if (value !== undefined && value !== '') passed[name] = value;
  }
  return passed;
}

export interface EngineRun {
  argv: Argv;
  /** What it was doing, for the message: `executing the Dockerfile`. */
  doing: string;
  scratch: string;
  cwd?: string;
  stdout?: OutputSink;
  signal: AbortSignal;
  timeoutMs?: number;
}

/**
 * Runs one command of a container engine.
 * Throws ImageError TOOL_MISSING when it is not installed, ENGINE_FAILED with the last lines it printed otherwise;
 * an abort passes through unchanged.
 */
export async function runEngine(host: Host, run: EngineRun): Promise<ProcessResult> {
  const program = run.argv[0];
  try {
    return await host.processes.run({
      argv: [...isolation(host, program), ...run.argv] as [string, ...string[]],
      name: program,
      env: engineEnvironment(host.env, run.scratch),
      cwd: run.cwd ?? run.scratch,
      stdout: run.stdout ?? { kind: 'capture' },
      timeoutMs: run.timeoutMs ?? ENGINE_TIMEOUT_MS,
      maxCaptureBytes: 64 * 2 ** 20,
      signal: run.signal,
    });
  } catch (cause) {
    if (!(cause instanceof BowlineError) || cause.code === 'ABORTED') throw cause;
    const stderr = cause.details?.['stderrTail'];
    if (
      cause.code === 'PROCESS_NOT_FOUND' ||
      (typeof stderr === 'string' && stderr.includes(`failed to execute ${program}`))
    )
      throw new ImageError({
        code: 'TOOL_MISSING',
        message: `${program} is not installed; it is needed for ${run.doing}.`,
        hint: `Install it, on Debian: apt-get install ${DEBIAN_PACKAGES[program] ?? program}`,
        cause,
      });
    // Without the cause: its argv may hold build arguments, which are secret.
    throw new ImageError({
      code: 'ENGINE_FAILED',
      message: `${program} failed while ${run.doing}: ${cause.message}`,
      hint: engineFailureHint(cause.message, host.isRoot),
      details: { exitCode: cause.details?.['exitCode'], stderrTail: cause.details?.['stderrTail'] },
    });
  }
}

/**
 * Root's buildah mounts in the mount namespace it is started in: with one of its own, and a PID namespace, neither a mount nor a
 * process outlives it, however it ends. An ordinary user's makes itself a user namespace, which does the same.
 */
function isolation(host: Host, program: string): string[] {
  if (!host.isRoot || program !== 'buildah') return [];
  return ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];
}

/** The cure for the failures of rootless engines that their own messages hide. */
export function engineFailureHint(message: string, isRoot: boolean): string {
  if (/exec format error/i.test(message))
    return 'A step is for another architecture: install qemu-user-static, so that the kernel can execute it.';
  if (!isRoot && /newuidmap|subuid|uid_map|insufficient UIDs|potentially insufficient/i.test(message))
    return 'An ordinary user needs a range of subordinate ids: apt-get install uidmap, then usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER.';
  // Debian 13's buildah looks for its network helper even where it makes no network.
  if (/netavark/.test(message)) return 'Install its network helper, on Debian: apt-get install netavark';
  if (/no space left on device/i.test(message))
    return 'The disk of the cache folder is full; free some space, or set BOWLINE_CACHE to a folder elsewhere.';
  return 'Its last lines above name the step that failed.';
}
