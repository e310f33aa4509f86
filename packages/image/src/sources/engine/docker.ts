import path from 'node:path';
import { buildArguments } from './build-options.ts';
import type { Argv, Engine, EngineBuild, EngineContext, EngineImage } from './engine.ts';
import { runEngine } from './run-engine.ts';

/** Commands of docker, in order: build, export as a docker-archive, forget the tag. */
export function dockerArgv(
  build: EngineBuild,
  tag: string,
  archive: string,
): { build: Argv; save: Argv; remove: Argv } {
  return {
    build: [
      'docker',
      'build',
      '--platform',
      `linux/${build.arch}`,
      ...(build.target === undefined ? [] : ['--target', build.target]),
      ...buildArguments(build.args),
      '--file',
      build.dockerfile,
      '--tag',
      tag,
      build.contextFolder,
    ],
    save: ['docker', 'save', '--output', archive, tag],
    remove: ['docker', 'image', 'rm', tag],
  };
}

/** Docker, for those who have its daemon and its build cache. Its layers carry real times: built twice, they differ. */
export const dockerEngine: Engine = {
  kind: 'docker',
  async build(build: EngineBuild, context: EngineContext): Promise<EngineImage> {
    const archive = path.join(context.scratch, 'image.tar');
    const argv = dockerArgv(build, `bowline-build:${path.basename(context.scratch).toLowerCase()}`, archive);
    const run = (step: Argv, doing: string, signal: AbortSignal) =>
      runEngine(context.host, { argv: step, doing, scratch: context.scratch, signal });
    await run(argv.build, `executing ${path.basename(build.dockerfile)}`, context.signal);
    try {
      await run(argv.save, 'exporting the image', context.signal);
    } finally {
      await run(argv.remove, 'removing the temporary tag', AbortSignal.timeout(60_000)).catch(() => undefined);
    }
    return { kind: 'docker-archive', path: archive };
  },
};
