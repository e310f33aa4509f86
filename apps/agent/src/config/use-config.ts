import type { MachineDocument } from '@bowline/spec';
import type { ConfigTrouble } from '../stages/stage-record.ts';
import type { ConfigText } from './config-text.ts';
import type { LastGoodCopies } from './last-good.ts';
import type { ReadDocument, ReadResult } from './read-document.ts';

/** What came of one source. */
export interface UsedConfig {
  document?: MachineDocument;
  /** What is wrong in it although it can be used. */
  warnings: string[];
  /** Keys that nothing applies yet. */
  notApplied: string[];
  /** Where it says that more is to be fetched; may hold secrets. */
  configUrls: string[];
  trouble?: ConfigTrouble;
}

/** A place configurations come from. */
export interface ConfigSource {
  /** What the copy is kept under: a path or a URL. */
  key: string;
  /** The same for people, without secrets. */
  name: string;
  /** Turns what was found there into what is read; throws BowlineError. */
  prepare?: (text: string) => Promise<string>;
}

/**
 * Reads one configuration. One that cannot be used is replaced by its last good copy; without a copy it is left out,
 * and says why. One that can be used becomes the copy, unless `keep` is false.
 */
export async function useConfig(
  source: ConfigSource,
  found: ConfigText,
  { read, copies, keep }: { read: ReadDocument; copies: LastGoodCopies; keep: boolean },
): Promise<UsedConfig> {
  const result = await tryText(source, found, read);
  if (result.document !== undefined && result.broken === undefined) {
    const used = usedOf(result);
    if (keep && 'text' in found) {
      await copies.keep(source.key, found.text).catch(() => {
        used.warnings.push(`${source.name}: its copy for bad days could not be kept`);
      });
    }
    return used;
  }
  const trouble: ConfigTrouble = { source: source.name, reason: result.broken ?? 'cannot be used' };
  const copy = await copies.find(source.key);
  const old = copy === undefined ? undefined : await tryText(source, { text: copy.text }, read);
  if (copy !== undefined && old?.document !== undefined) {
    return { ...usedOf(old), trouble: { ...trouble, lastGood: copy.savedAt } };
  }
  if (result.document === undefined) return { warnings: [], notApplied: [], configUrls: [], trouble };
  return { ...usedOf(result), trouble: { ...trouble, partly: true } };
}

function usedOf({ document, problems, notApplied, configUrls }: ReadResult): UsedConfig {
  return { ...(document === undefined ? {} : { document }), warnings: [...problems], notApplied, configUrls };
}

/** A sentence about a configuration that could not be used. */
export function describeTrouble({ source, reason, lastGood, partly }: ConfigTrouble): string {
  if (lastGood !== undefined) {
    return `${source}: ${reason}; its last good copy of ${lastGood.slice(0, 19)}Z is used instead`;
  }
  return `${source}: ${reason}; ${partly === true ? 'what can be read of it is used' : 'it is left out'}`;
}

async function tryText(source: ConfigSource, found: ConfigText, read: ReadDocument): Promise<ReadResult> {
  if ('reason' in found) return unusable(found.reason);
  // Left behind by a full disk or a power cut, more often than meant.
  if (found.text.trim() === '') return unusable('is empty');
  try {
    return await read(source.name, (await source.prepare?.(found.text)) ?? found.text);
  } catch (error) {
    // Whatever reading threw: one configuration never stops the others.
    return unusable(error instanceof Error ? error.message : 'cannot be used');
  }
}

function unusable(broken: string): ReadResult {
  return { problems: [], notApplied: [], configUrls: [], broken };
}
