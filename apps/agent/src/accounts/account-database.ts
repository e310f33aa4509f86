import { readFile, stat } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import {
  type GroupEntry,
  type GshadowEntry,
  groupTable,
  gshadowTable,
  type PasswdEntry,
  passwdTable,
  type ShadowEntry,
  shadowTable,
} from './account-codecs.ts';
import { withAccountLock } from './account-lock.ts';
import type { AccountTable } from './account-table.ts';

/** The account files of a machine, as they were read and edited. */
export interface AccountDatabase {
  passwd: AccountTable<PasswdEntry>;
  group: AccountTable<GroupEntry>;
  shadow: AccountTable<ShadowEntry>;
  /** Undefined where the system has no such file; it then gets none. */
  gshadow: AccountTable<GshadowEntry> | undefined;
}

const MAX_BYTES = 64 * 1024 * 1024;
const ATTEMPTS = 5;

/** In the order in which they are written: who stands in passwd has all the rest already, whenever power fails. */
const FILES = [
  { key: 'gshadow', path: '/etc/gshadow', mode: 0o600 },
  { key: 'group', path: '/etc/group', mode: 0o644 },
  { key: 'shadow', path: '/etc/shadow', mode: 0o600 },
  { key: 'passwd', path: '/etc/passwd', mode: 0o644 },
] as const;

interface Snapshot {
  text: Uint8Array | undefined;
  /** Changes when anybody replaces or writes the file. */
  version: string;
  attributes: { mode: number; owner: { uid: number; gid: number } };
}

/** Reads the account files; files that are missing are empty. Throws AgentError ACCOUNT_INVALID for one beyond 64 MiB. */
export async function readAccounts(machine: Machine): Promise<AccountDatabase> {
  return parse(await readSnapshots(machine));
}

/**
 * Changes account files under the lock of shadow-utils. Only files whose entries changed are written, each as a whole,
 * with the mode and owner it had. A file that somebody without that lock replaced meanwhile is read again. `edit` may
 * run more than once, and must not keep what it was given; `afterwards` runs once the files are written, still under the
 * lock. Throws AgentError.
 */
export async function editAccounts<T>(
  machine: Machine,
  edit: (accounts: AccountDatabase) => T | Promise<T>,
  afterwards: () => Promise<void> = async () => undefined,
): Promise<{ changed: boolean; result: T }> {
  const work = async () => {
    const outcome = await editUnlocked(machine, edit);
    await afterwards();
    return outcome;
  };
  return await withAccountLock(machine, '/etc/passwd', () =>
    withAccountLock(machine, '/etc/group', () =>
      withAccountLock(machine, '/etc/gshadow', () => withAccountLock(machine, '/etc/shadow', work)),
    ),
  );
}

async function editUnlocked<T>(
  machine: Machine,
  edit: (accounts: AccountDatabase) => T | Promise<T>,
): Promise<{ changed: boolean; result: T }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = await readSnapshots(machine);
    const accounts = parse(before);
    const result = await edit(accounts);
    const changed = FILES.filter(({ key }) => accounts[key]?.changed);
    const now = await readSnapshots(
      machine,
      changed.map(({ key }) => key),
    );
    if (changed.some(({ key }) => now.get(key)?.version !== before.get(key)?.version)) continue;
    for (const { key, path } of changed) {
      const attributes = before.get(key)?.attributes;
      const table = accounts[key];
      if (attributes && table) await writeSystemFile(machine, path, table.toBytes(), attributes);
    }
    return { changed: changed.length > 0, result };
  }
  throw new AgentError({
    code: 'ACCOUNT_INVALID',
    message: 'another program keeps changing the account files',
    hint: 'Run the stage again when it has ended.',
  });
}

function parse(snapshots: ReadonlyMap<string, Snapshot>): AccountDatabase {
  const gshadow = snapshots.get('gshadow')?.text;
  return {
    passwd: passwdTable(snapshots.get('passwd')?.text ?? ''),
    group: groupTable(snapshots.get('group')?.text ?? ''),
    shadow: shadowTable(snapshots.get('shadow')?.text ?? ''),
    gshadow: gshadow === undefined ? undefined : gshadowTable(gshadow),
  };
}

async function readSnapshots(
  machine: Machine,
  only: readonly string[] = FILES.map(({ key }) => key),
): Promise<Map<string, Snapshot>> {
  const snapshots = new Map<string, Snapshot>();
  for (const { key, path, mode } of FILES) {
    if (only.includes(key)) snapshots.set(key, await readSnapshot(machine.locate(path), path, mode));
  }
  return snapshots;
}

async function readSnapshot(path: string, name: string, mode: number): Promise<Snapshot> {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const stats = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined) return { text: undefined, version: 'none', attributes: { mode, owner: own } };
  if (stats.size > MAX_BYTES) {
    throw new AgentError({
      code: 'ACCOUNT_INVALID',
      message: `${name} is too large`,
      hint: 'At most 64 MiB are read.',
    });
  }
  return {
    text: await readFile(path),
    version: `${stats.ino}-${stats.size}-${stats.mtimeNs}`,
    attributes: { mode: Number(stats.mode) & 0o7777, owner: { uid: Number(stats.uid), gid: Number(stats.gid) } },
  };
}
