import { dirname, resolve } from 'node:path';
import { agentSource, type BuildOptions, DEFAULT_LAYER_LIMITS, type FetchOptions } from '@bowline/image';
import { type Arch, bowlError, formatProblem, type OutputKind } from '@bowline/spec';
import { type Command, Option } from 'commander';
import { readBowl } from '../bowl-file.ts';
import { byteSize, type CommandContext, wholeNumber } from '../command.ts';
import { CliError } from '../error.ts';
import { findBowl } from '../places.ts';
import { formatBytes } from '../text-table.ts';

/** Options of every command that gets inputs. */
export interface SourceFlags {
  plainHttp?: string[];
  maxLayerEntries: number;
  maxLayerSize: number;
  maxLayerRatio: number;
}

/** All options of a build. */
export interface BuildFlags extends SourceFlags {
  output?: OutputKind[];
  arch?: Arch[];
  out: string;
  locked?: boolean;
  offline?: boolean;
  update?: boolean;
  debug?: boolean;
  key?: string;
  certificate?: string;
  releaseKey?: string;
}

/** Declares the options of every command that gets inputs. */
export function addSourceOptions(command: Command): Command {
  const { maxEntries, maxLayerBytes, maxRatio } = DEFAULT_LAYER_LIMITS;
  return command
    .option('--plain-http <host...>', 'registries to talk to without TLS')
    .option('--max-layer-entries <n>', 'refuse layers with more files', wholeNumber(1, 1e9), maxEntries)
    .addOption(
      new Option('--max-layer-size <size>', 'refuse layers that unpack to more')
        .argParser(byteSize)
        .default(maxLayerBytes, formatBytes(maxLayerBytes)),
    )
    .option('--max-layer-ratio <n>', 'refuse layers packed tighter than this', wholeNumber(1, 1e6), maxRatio);
}

/** What a command line means for getting inputs. Throws CliError BOWL_NOT_FOUND, SpecError BOWL_INVALID. */
export async function toFetchOptions(
  argument: string,
  flags: Omit<BuildFlags, 'out'>,
  context: CommandContext,
): Promise<FetchOptions> {
  const bowlPath = await findBowl(argument, context);
  const loaded = await readBowl(bowlPath, context.projectFolder);
  if (!loaded.ok) throw bowlError(loaded.problems);
  for (const warning of loaded.warnings) context.progress.warn(formatProblem({ ...warning, severity: 'error' }));
  return {
    bowl: loaded.bowl,
    bowlPath,
    extendedFolders: loaded.sources.slice(1).map((source) => dirname(source.path)),
    cacheFolder: context.cacheFolder,
    agent: agentSource(context.projectFolder, 'apps/agent/src/main.ts'),
    ...(flags.arch === undefined ? {} : { arch: flags.arch }),
    locked: flags.locked ?? false,
    offline: flags.offline ?? false,
    update: flags.update ?? false,
    limits: {
      maxEntries: flags.maxLayerEntries,
      maxLayerBytes: flags.maxLayerSize,
      maxRatio: flags.maxLayerRatio,
    },
    plainHttpRegistries: flags.plainHttp ?? [],
    signal: context.signal,
  };
}

/** What a command line means for a build. Throws CliError BOWL_NOT_FOUND | USAGE, SpecError BOWL_INVALID. */
export async function toBuildOptions(
  argument: string,
  flags: BuildFlags,
  context: CommandContext,
): Promise<BuildOptions> {
  const { key, certificate } = flags;
  if ((key === undefined) !== (certificate === undefined)) {
    throw new CliError({ code: 'USAGE', message: '--key and --certificate belong together' });
  }
  return {
    ...(await toFetchOptions(argument, flags, context)),
    outFolder: resolve(context.cwd, flags.out),
    ...(flags.output === undefined ? {} : { outputs: flags.output }),
    debug: flags.debug ?? false,
    ...(flags.releaseKey === undefined ? {} : { releaseKey: resolve(context.cwd, flags.releaseKey) }),
    ...(key === undefined || certificate === undefined
      ? {}
      : { keys: { key: resolve(context.cwd, key), certificate: resolve(context.cwd, certificate) } }),
  };
}
