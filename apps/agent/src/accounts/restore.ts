import type { Machine } from '../machine/machine.ts';
import { type AccountDatabase, editAccounts } from './account-database.ts';
import { fingerprint } from './crypt-hash.ts';
import { type IdentityLedger, readIdentityLedger, writeIdentityLedger } from './identity-ledger.ts';
import { type Provisioned, readPasswordRecords, readProvisioned, writeProvisioned } from './password-records.ts';

/** A name whose number in the image is not the one it had when it was first seen. */
export interface MovedIdentity {
  kind: 'user' | 'group';
  name: string;
  /** As the ledger has it: what files on state belong to. */
  before: number;
  now: number;
}

/** What was found and done before the stages of a start. */
export interface RestoredIdentity {
  /** Names the ledger did not have. */
  added: number;
  moved: readonly MovedIdentity[];
  /** Users of the image whose password is the one they were given on the machine. */
  passwords: readonly string[];
  /** Sentences for the record. */
  warnings: readonly string[];
}

/**
 * Before the first stage of a start, when `/etc` is that of the image: notes its names and numbers in the ledger, tells
 * which of them moved, and gives users of the image the passwords they were given on the machine, unless the image has a
 * new one for them. Users of the configuration get theirs when their step runs. Idempotent.
 */
export async function restoreIdentity(machine: Machine): Promise<RestoredIdentity> {
  const warnings: string[] = [];
  const { ledger, warning } = await readIdentityLedger(machine);
  if (warning !== undefined) warnings.push(warning);
  const base = await readProvisioned(machine);
  let provisioned = new Map<string, Provisioned>();
  let moved: MovedIdentity[] = [];
  let added = 0;
  const records = await readPasswordRecords(machine);
  const { result: passwords } = await editAccounts(
    machine,
    async (accounts) => {
      moved = findMoved(ledger, accounts);
      added += addNames(ledger, accounts);
      // Not the first time since the start: these are no longer the passwords of the image.
      if (base !== undefined) return [];
      const restored: string[] = [];
      provisioned = new Map();
      for (const entry of accounts.shadow.entries) {
        const given: Provisioned = { source: 'image', provisioned: fingerprint(entry.hash) };
        provisioned.set(entry.name, given);
        const record = records.get(entry.name);
        if (record?.hash === undefined || record.source !== 'image') continue;
        if (record.provisioned !== given.provisioned || record.hash === entry.hash) continue;
        accounts.shadow.put({ ...entry, hash: record.hash, lastChange: record.changedOn });
        restored.push(entry.name);
      }
      return restored;
    },
    async () => {
      if (base === undefined) await writeProvisioned(machine, provisioned);
    },
  );
  await writeIdentityLedger(machine, ledger).catch(() => {
    warnings.push('the numbers of users and groups could not be kept: state cannot be written');
  });
  warnings.push(...moved.map(describeMove));
  return { added, moved, passwords, warnings };
}

function findMoved(ledger: IdentityLedger, accounts: AccountDatabase): MovedIdentity[] {
  const users = accounts.passwd.entries.map(({ name, uid }) => ({ kind: 'user' as const, name, now: uid }));
  const groups = accounts.group.entries.map(({ name, gid }) => ({ kind: 'group' as const, name, now: gid }));
  return [...users, ...groups].flatMap((entry) => {
    const names = entry.kind === 'user' ? ledger.users : ledger.groups;
    const before = names.get(entry.name)?.id;
    return before === undefined || before === entry.now ? [] : [{ ...entry, before }];
  });
}

function addNames(ledger: IdentityLedger, accounts: AccountDatabase): number {
  const before = ledger.users.size + ledger.groups.size;
  for (const { name, uid } of accounts.passwd.entries) {
    if (!ledger.users.has(name)) ledger.users.set(name, { id: uid, source: 'image' });
  }
  for (const { name, gid } of accounts.group.entries) {
    if (!ledger.groups.has(name)) ledger.groups.set(name, { id: gid, source: 'image' });
  }
  return ledger.users.size + ledger.groups.size - before;
}

function describeMove({ kind, name, before, now }: MovedIdentity): string {
  return `${kind} ${name} has the number ${now} in this image and had ${before}: files of ${before} are no longer its own`;
}
