import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { BowlineError } from '../../packages/errors/src/index.ts';
import { LocalBlobStore, nodeHost, type TaskProgress, withScratchFolder } from '../../packages/host/src/index.ts';
import { fetchInitrdPackages } from '../../packages/image/src/initrd/initrd-packages.ts';
import { type ResolvedBowl, resolveBowl } from '../../packages/image/src/resolve/resolve-bowl.ts';
import { DEFAULT_LAYER_LIMITS } from '../../packages/image/src/sources/source.ts';
import { prepareToolbox } from '../../packages/image/src/toolbox/prepare-toolbox.ts';
import { type Arch, Bowl, type BowlLock } from '../../packages/spec/src/index.ts';

/** One resolution, as JSON: for this process, or for another one in other namespaces or of another user. */
export interface RunRequest {
  bowlFolder: string;
  /** Store and scratch lie below it. */
  workFolder: string;
  /** Cache with the toolbox. */
  toolboxCache?: string;
  bowl: Record<string, unknown>;
  /** Fetch the packages of the initrd too, which the lock pins. */
  initrd?: boolean;
  lock?: BowlLock;
  arch?: Arch[];
  locked?: boolean;
  offline?: boolean;
  update?: boolean;
}

/** What came of it. */
export type RunAnswer =
  | { ok: true; resolved: ResolvedBowl; warnings: string[] }
  | { ok: false; code: string; message: string; hint: string | undefined };

const never = new AbortController().signal;

export function silentProgress(warnings: string[]): TaskProgress {
  const progress: TaskProgress = {
    bytes: () => undefined,
    note: () => undefined,
    warn: (message) => void warnings.push(message),
    task: (_title, work) => work(progress),
  };
  return progress;
}

/** Resolves in this process. */
export async function runResolution(request: RunRequest, signal: AbortSignal = never): Promise<RunAnswer> {
  const host = nodeHost();
  const warnings: string[] = [];
  const progress = silentProgress(warnings);
  await mkdir(request.workFolder, { recursive: true });
  const store = await LocalBlobStore.open(path.join(request.workFolder, 'store'));
  const cacheFolder = request.toolboxCache;
  const initrdPart = async (arch: Arch, scratch: string) => {
    const { diffId } = await fetchInitrdPackages({
      ...{ arch, host, store, scratch, cacheFolder: request.workFolder, progress, signal },
      ...{ offline: false, update: false },
    });
    return { initrd: diffId };
  };
  try {
    const bowl = Bowl.parse({ apiVersion: 'bowline/v1', name: 'test', version: '1', ...request.bowl });
    const resolved = await withScratchFolder(path.join(request.workFolder, 'scratch'), (scratch) =>
      resolveBowl({
        bowl,
        bowlFolder: request.bowlFolder,
        lock: request.lock,
        ...(request.arch === undefined ? {} : { arch: request.arch }),
        locked: request.locked ?? false,
        offline: request.offline ?? false,
        update: request.update ?? false,
        host,
        store,
        scratch,
        limits: DEFAULT_LAYER_LIMITS,
        plainHttpRegistries: [],
        toolbox: async () => {
          if (cacheFolder === undefined) throw new Error('this test has no toolbox');
          const own = await LocalBlobStore.open(path.join(cacheFolder, 'store'));
          return prepareToolbox({ host, cacheFolder, store: own, progress, signal: never, offline: false });
        },
        ...(request.initrd === true ? { bowlineParts: (arch) => initrdPart(arch, scratch) } : {}),
        progress,
        signal,
      }),
    );
    return { ok: true, resolved, warnings };
  } catch (error) {
    if (!(error instanceof BowlineError)) throw error;
    return { ok: false, code: error.code, message: error.message, hint: error.hint };
  }
}

/** Resolves in another process: `argv` comes before node, `unshare --net` for example. */
export async function runElsewhere(
  argv: readonly string[],
  request: RunRequest,
  env: Record<string, string> = {},
): Promise<RunAnswer> {
  const [program, ...rest] = [...argv, process.execPath, import.meta.filename, JSON.stringify(request)];
  const result = await nodeHost().processes.run({
    argv: [program as string, ...rest],
    env,
    timeoutMs: 300_000,
    maxCaptureBytes: 16 * 2 ** 20,
  });
  return JSON.parse(new TextDecoder().decode(result.stdout)) as RunAnswer;
}

if (process.argv[1] === import.meta.filename) {
  const request = JSON.parse(process.argv[2] ?? '') as RunRequest;
  process.stdout.write(JSON.stringify(await runResolution(request)));
}
