import { SOURCE_EPOCH } from '@bowline/os-layout';
import type { EngineBuild } from './engine.ts';

/** `--build-arg` pairs in the order of their names, so that the argv does not depend on the document's order. */
export function buildArguments(args: Readonly<Record<string, string>>): string[] {
  return Object.keys(args)
    .sort()
    .flatMap((name) => ['--build-arg', `${name}=${args[name]}`]);
}

/**
 * What buildah and podman understand alike, from options to the context at the end: an OCI image of fixed times, so that the same
 * input gives the same layer.
 */
export function ociBuildOptions(build: EngineBuild, tag: string): string[] {
  return [
    '--layers=false',
    ...['--format', 'oci', '--timestamp', String(SOURCE_EPOCH)],
    ...['--os', 'linux', '--arch', build.arch],
    ...(build.target === undefined ? [] : ['--target', build.target]),
    ...buildArguments(build.args),
    ...['--file', build.dockerfile, '--tag', tag],
    build.contextFolder,
  ];
}
