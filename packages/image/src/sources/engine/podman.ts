import path from 'node:path';
import { ociBuildOptions } from './build-options.ts';
import type { Argv, Engine, EngineBuild, EngineContext, EngineImage } from './engine.ts';
import { runEngine } from './run-engine.ts';

/** Commands of podman, in order: build, export as an OCI layout folder, forget the tag. */
export function podmanArgv(build: EngineBuild, tag: string, folder: string): { build: Argv; save: Argv; remove: Argv } {
  return {
    build: ['podman', 'build', ...ociBuildOptions(build, tag)],
    save: ['podman', 'save', '--quiet', '--format', 'oci-dir', '--output', folder, tag],
    remove: ['podman', 'image', 'rm', tag],
  };
}

/** Podman, in the user's own container storage. */
export const podmanEngine: Engine = {
  kind: 'podman',
  async build(build: EngineBuild, context: EngineContext): Promise<EngineImage> {
    const folder = path.join(context.scratch, 'image');
    const argv = podmanArgv(build, `bowline-build:${path.basename(context.scratch).toLowerCase()}`, folder);
    const run = (step: Argv, doing: string, signal: AbortSignal) =>
      runEngine(context.host, { argv: step, doing, scratch: context.scratch, cwd: build.contextFolder, signal });
    await run(argv.build, `executing ${path.basename(build.dockerfile)}`, context.signal);
    try {
      await run(argv.save, 'exporting the image', context.signal);
    } finally {
      await run(argv.remove, 'removing the temporary tag', AbortSignal.timeout(60_000)).catch(() => undefined);
    }
    return { kind: 'oci-layout', path: folder };
  },
};
