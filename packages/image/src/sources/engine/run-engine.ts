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
  try {
    return await host.processes.run({
      argv: run.argv,
      env: engineEnvironment(host.env, run.scratch),
      cwd: run.cwd ?? run.scratch,
      stdout: run.stdout ?? { kind: 'capture' },
      timeoutMs: run.timeoutMs ?? ENGINE_TIMEOUT_MS,
      maxCaptureBytes: 64 * 2 ** 20,
      signal: run.signal,
    });
  } catch (cause) {
    if (!(cause instanceof BowlineError) || cause.code === 'ABORTED') throw cause;
    const program = run.argv[0];
    if (cause.code === 'PROCESS_NOT_FOUND')
      throw new ImageError({
        code: 'TOOL_MISSING',
        message: `${program} is not installed; it is needed for ${run.doing}.`,
        hint: `Install it, on Debian: apt-get install ${program === 'docker' ? 'docker.io' : program}${program === 'buildah' && !host.isRoot ? ' uidmap' : ''}`,
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

/** The cure for the failures of rootless engines that their own messages hide. */
export function engineFailureHint(message: string, isRoot: boolean): string {
  if (/exec format error/i.test(message))
    return 'A step is for another architecture: install qemu-user-static, so that the kernel can execute it.';
  if (!isRoot && /newuidmap|subuid|uid_map|insufficient UIDs|potentially insufficient/i.test(message))
    return 'An ordinary user needs a range of subordinate ids: apt-get install uidmap, then usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER.';
  if (/no space left on device/i.test(message))
    return 'The disk of the cache folder is full; free some space, or name another with --cache.';
  return 'Its last lines above name the step that failed.';
}
