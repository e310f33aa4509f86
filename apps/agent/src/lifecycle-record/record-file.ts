import { mkdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { AGENT_STATE_FOLDER } from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { withPidLock } from '../machine/pid-lock.ts';
import { parseRecord } from './parse-record.ts';
import { EMPTY_RECORD, type LifecycleRecord } from './record.ts';

/** Where a machine remembers its versions; readable by everybody, it holds no secrets. */
export const LIFECYCLE_RECORD_FILE = `${AGENT_STATE_FOLDER}/lifecycle.json`;
const LOCK_FILE = '/run/bowline/lifecycle-record.lock';
const MAX_BYTES = 2 ** 20;

/** A record as found. */
export interface RecordFound {
  record: LifecycleRecord;
  /** STATE_CORRUPT: the file cannot be used. Report it and go on; the record is empty then. */
  trouble?: AgentError;
}

/** Reads what the machine remembers. Never fails: what cannot be read is reported beside an empty record. */
export async function readLifecycleRecord(machine: Machine): Promise<RecordFound> {
  const path = machine.locate(LIFECYCLE_RECORD_FILE);
  try {
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > MAX_BYTES) throw new Error(`it is no file of at most ${MAX_BYTES} bytes`);
    return { record: parseRecord(await readFile(path, 'utf8')) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { record: EMPTY_RECORD };
    return { record: EMPTY_RECORD, trouble: corrupt(cause) };
  }
}

/**
 * Changes what the machine remembers, durable on return; two processes never lose each other's change. A file that cannot be
 * used is kept as `lifecycle.json.corrupt`, and a new one is begun. Returns the new record.
 *
 * Throws HostError DISK_FULL and errors of the file system: the old record is there then.
 */
export async function changeLifecycleRecord(
  machine: Machine,
  change: (record: LifecycleRecord) => LifecycleRecord,
): Promise<LifecycleRecord> {
  const path = machine.locate(LIFECYCLE_RECORD_FILE);
  return withPidLock(machine.locate(LOCK_FILE), { signal: machine.signal }, async () => {
    const { record, trouble } = await readLifecycleRecord(machine);
    const changed = change(record);
    if (changed === record && trouble === undefined) return record;
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
    if (trouble !== undefined) await rename(path, `${path}.corrupt`);
    await writeFileAtomic(path, `${JSON.stringify(changed, undefined, 2)}\n`, 0o644);
    return changed;
  });
}

function corrupt(cause: unknown): AgentError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AgentError({
    code: 'STATE_CORRUPT',
    message: `${LIFECYCLE_RECORD_FILE} cannot be used: ${why.slice(0, 200)}.`,
    hint: 'Which version starts is decided by the boot entries, which are not affected; the next change begins a new file.',
    cause,
  });
}
