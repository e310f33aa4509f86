import { resolve } from 'node:path';
import { type BuildOptions, DEFAULT_LAYER_LIMITS } from '@bowline/image';
import type { Arch, OutputKind } from '@bowline/spec';
import { type Command, Option } from 'commander';
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

/** What a command line means for the builder. Throws CliError BOWL_NOT_FOUND | USAGE. */
export async function toBuildOptions(bowl: string, flags: BuildFlags, context: CommandContext): Promise<BuildOptions> {
  if ((flags.key === undefined) !== (flags.certificate === undefined)) {
    throw new CliError({ code: 'USAGE', message: '--key and --certificate belong together' });
  }
  const keys =
    flags.key === undefined || flags.certificate === undefined
      ? {}
      : { keys: { key: resolve(context.cwd, flags.key), certificate: resolve(context.cwd, flags.certificate) } };
  return {
    bowlPath: await findBowl(bowl, context),
    outFolder: resolve(context.cwd, flags.out),
    cacheFolder: context.cacheFolder,
    ...(flags.output === undefined ? {} : { outputs: flags.output }),
    ...(flags.arch === undefined ? {} : { arch: flags.arch }),
    locked: flags.locked ?? false,
    offline: flags.offline ?? false,
    update: flags.update ?? false,
    debug: flags.debug ?? false,
    ...keys,
    limits: {
      maxEntries: flags.maxLayerEntries,
      maxLayerBytes: flags.maxLayerSize,
      maxRatio: flags.maxLayerRatio,
    },
    plainHttpRegistries: flags.plainHttp ?? [],
    signal: context.signal,
  };
}
