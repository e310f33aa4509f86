import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../plugins/plugin.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import type { Answer } from './ask.ts';
import { checkMetadata, metadataConfig } from './metadata-config.ts';
import { runScripts } from './run-scripts.ts';
import { readSeedRecord, self, writeSeedRecord } from './seed-record.ts';
import { readUserdata } from './userdata.ts';

/** Where the cloud-configs go. */
export interface SeedPlace {
  /** Folder whose files stages run. */
  folder: string;
  /** Name of the first cloud-config; further ones of a MIME message get numbers. */
  name: string;
}

/** Folder of what the place of the machine says, for programs; as long as the machine runs. */
const RUN_FOLDER = '/run/config';
const METADATA_FILE = '00_metadata.yaml';

/**
 * Puts what a source gave where stages find it, removes what an earlier answer left, and runs scripts once per instance.
 * Nothing is changed when the user data is broken.
 */
export async function applySeed(machine: Machine, place: SeedPlace, { source, data }: Answer): Promise<Outcome> {
  const userdata = await readUserdata(data.userdata ?? new Uint8Array(0));
  const metadata = checkMetadata(data.metadata);
  // A name that the owner wrote comes before that of the place.
  const hasOwnName = userdata.configs.some((config) => /^[ \t-]*["']?hostname["']?[ \t]*:/m.test(config));
  const generated = metadataConfig(hasOwnName ? { ...metadata, hostname: undefined } : metadata);
  const files = new Map<string, string>();
  if (generated !== undefined) files.set(join(place.folder, METADATA_FILE), generated);
  userdata.configs.forEach((config, index) => files.set(join(place.folder, numbered(place.name, index)), config));

  const before = await readSeedRecord(machine);
  const instance = data.metadata.instanceId ?? `sha256:${digestOf(data.userdata)}`;
  let changed = await removeOld(machine, before?.files ?? [], files);
  for (const [path, text] of files) changed = (await write(machine, path, text)) || changed;
  await writeRunFiles(machine, source, data.metadata.instanceId, metadata);

  const isNew = before?.instance !== instance;
  const mustRun = userdata.scripts.length > 0 && (isNew || !before.scriptsRan);
  const record = { source, instance, files: [...files.keys()], scriptsRan: !isNew && before.scriptsRan };
  await writeSeedRecord(machine, record);
  if (mustRun) {
    try {
      await runScripts(machine, userdata.scripts);
    } finally {
      if (!machine.signal.aborted) await writeSeedRecord(machine, { ...record, scriptsRan: true });
    }
  }
  const ignored = [...(data.ignored ?? []), ...userdata.ignored, ...metadata.refused];
  const note = `from ${source}${ignored.length === 0 ? '' : `; not applied: ${ignored.join(', ')}`}`;
  return { changed: changed || mustRun, note };
}

async function removeOld(machine: Machine, paths: readonly string[], wanted: ReadonlyMap<string, string>) {
  let changed = false;
  for (const path of paths.filter((old) => !wanted.has(old))) {
    await rm(machine.locate(path), { force: true });
    changed = true;
  }
  return changed;
}

async function writeRunFiles(
  machine: Machine,
  source: string,
  instanceId: string | undefined,
  metadata: ReturnType<typeof checkMetadata>,
): Promise<void> {
  await write(machine, join(RUN_FOLDER, 'provider'), `${source}\n`);
  if (instanceId !== undefined) await write(machine, join(RUN_FOLDER, 'instance_id'), `${instanceId}\n`);
  if (metadata.hostname !== undefined) await write(machine, join(RUN_FOLDER, 'hostname'), `${metadata.hostname}\n`);
  if (metadata.sshKeys.length > 0) {
    await write(machine, join(RUN_FOLDER, 'ssh', 'authorized_keys'), `${metadata.sshKeys.join('\n')}\n`);
  }
}

function write(machine: Machine, path: string, text: string): Promise<boolean> {
  return writeSystemFile(machine, path, text, { mode: 0o600, owner: self() });
}

/** `userdata.yaml`, `userdata-2.yaml`, `userdata-3.yaml`. */
function numbered(name: string, index: number): string {
  if (index === 0) return name;
  const extension = extname(name);
  const folder = dirname(name);
  const stem = name.slice(folder === '.' ? 0 : folder.length + 1, name.length - extension.length);
  return join(folder, `${stem}-${index + 1}${extension}`);
}

function digestOf(bytes: Uint8Array | undefined): string {
  return createHash('sha256')
    .update(bytes ?? new Uint8Array(0))
    .digest('hex');
}
