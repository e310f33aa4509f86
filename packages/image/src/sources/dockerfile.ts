import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { removeTree } from '@bowline/host';
import type { Bowl } from '@bowline/spec';
import { type ContextScan, readSmallText, resolveInside, scanContext, stageContext } from './build-context.ts';
import { buildahEngine } from './engine/buildah.ts';
import { dockerEngine } from './engine/docker.ts';
import type { Engine } from './engine/engine.ts';
import { podmanEngine } from './engine/podman.ts';
import { normaliseExecuted } from './executed-layer.ts';
import { hostArch, requireExecutable } from './foreign-arch.ts';
import { ingestImage } from './ingest-image.ts';
import { openImage } from './open-image.ts';
import { type MadeLayer, requestDigest, type SourcePlan } from './pin.ts';
import type { ResolveContext } from './source.ts';

type DockerfileWish = Exclude<NonNullable<Bowl['base']['dockerfile']>, string>;

const ENGINES = { buildah: buildahEngine, docker: dockerEngine, podman: podmanEngine } satisfies Record<
  DockerfileWish['engine'],
  Engine
>;

/** Every field of a Dockerfile base, when the bowl wrote only its path. */
export function dockerfileWish(written: NonNullable<Bowl['base']['dockerfile']>): DockerfileWish {
  return typeof written === 'string' ? { path: written, context: '.', args: {}, engine: 'buildah' } : written;
}

/** True when executing the Dockerfile executes programs of the image: RUN, also in a heredoc or ONBUILD. */
export function hasRunStep(dockerfile: string): boolean {
  return /^\s*(ONBUILD\s+)?RUN\b/im.test(dockerfile);
}

/**
 * Plans a `dockerfile:` base: its identity is the text, the context's content, target, arguments and engine. The base images it
 * names are looked up by the engine when it executes; the lock then pins what came out.
 * Throws ImageError CONTEXT_INVALID, SOURCE_MISSING, FOREIGN_ARCH, ENGINE_FAILED, TOOL_MISSING.
 */
export async function planDockerfile(
  written: NonNullable<Bowl['base']['dockerfile']>,
  context: ResolveContext,
): Promise<SourcePlan> {
  const wish = dockerfileWish(written);
  const dockerfile = await resolveInside(context, wish.path, 'The Dockerfile');
  const folder = await resolveInside(context, wish.context, 'The build context');
  const text = await readSmallText(dockerfile, 'The Dockerfile');
  const scan = await scanContext(folder, dockerfile, context.hashFile, context.limits);
  const origin = `dockerfile ${wish.path}${wish.target === undefined ? '' : ` (${wish.target})`}`;
  return {
    kind: 'dockerfile',
    request: requestDigest({
      kind: 'dockerfile',
      text,
      context: scan.digest,
      target: wish.target,
      args: wish.args,
      engine: wish.engine,
      arch: context.arch,
    }),
    origin,
    local: false,
    async make() {
      if (context.arch !== hostArch() && hasRunStep(text)) await requireExecutable(context.arch, `${wish.path} (RUN)`);
      const scratch = await mkdtemp(path.join(context.scratch, 'dockerfile-'));
      try {
        const layers = await execute(wish, dockerfile, scan, scratch, context);
        // The blobs were the engine's, in a scratch folder: nobody can fetch them again.
        return { layers: layers.map(({ diffId, size }) => ({ diffId, size, origin })) };
      } finally {
        await removeTree(scratch);
      }
    },
  };
}

async function execute(
  wish: DockerfileWish,
  dockerfile: string,
  scan: ContextScan,
  scratch: string,
  context: ResolveContext,
): Promise<MadeLayer[]> {
  const contextFolder = path.join(scratch, 'context');
  await stageContext(scan, contextFolder, context.hashFile, context.limits);
  context.progress.note(`${wish.engine} executes ${wish.path}`);
  const built = await ENGINES[wish.engine].build(
    { dockerfile, contextFolder, target: wish.target, args: wish.args, arch: context.arch },
    { host: context.host, scratch, signal: context.signal },
  );
  const source = openImage(
    built.kind === 'oci-layout'
      ? { kind: 'oci-layout', folder: built.path }
      : { kind: 'docker-archive', file: built.path },
    context,
  );
  const image = await source.resolve({ architecture: context.arch }, context.signal);
  return normaliseExecuted(await ingestImage(source, image, context), context);
}
