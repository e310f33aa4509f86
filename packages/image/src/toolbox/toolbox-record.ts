import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, writeFileAtomic } from '@bowline/host';
import * as z from 'zod';
import { TOOLBOX_RECIPE, type ToolboxRecord } from './toolbox-recipe.ts';

const Sha256 = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
const Record = z.strictObject({
  recipe: z.literal(TOOLBOX_RECIPE),
  digest: Sha256,
  packages: z.record(z.string(), z.string()),
  tars: z
    .array(z.strictObject({ digest: Sha256, sizeBytes: z.int().min(0), paths: z.array(z.string()).exactOptional() }))
    .min(1),
});

/** Where a toolbox of that digest is unpacked. */
export function toolboxFolder(cacheFolder: string, digest: Digest): string {
  return join(cacheFolder, 'toolbox', digest.slice('sha256:'.length));
}

function recordPath(cacheFolder: string): string {
  return join(cacheFolder, 'toolbox', 'record.json');
}

/**
 * The toolbox that this cache uses; undefined when there is none, it is of another recipe, or its record is damaged
 * (it is made again then). Its tars and this record are what an air-gapped site needs.
 */
export async function readToolboxRecord(cacheFolder: string): Promise<ToolboxRecord | undefined> {
  try {
    return Record.parse(JSON.parse(await readFile(recordPath(cacheFolder), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Makes a toolbox the one that this cache uses. */
export async function writeToolboxRecord(cacheFolder: string, record: ToolboxRecord): Promise<void> {
  await writeFileAtomic(recordPath(cacheFolder), `${JSON.stringify(record, null, 2)}\n`);
}
