import type { Machine } from '../machine/machine.ts';
import { editAccounts, readAccounts } from './account-database.ts';
import { fingerprint } from './crypt-hash.ts';
import {
  type PasswordRecord,
  type Provisioned,
  readPasswordRecords,
  readProvisioned,
  writePasswordRecords,
  writeProvisioned,
} from './password-records.ts';

/** What `passwords save` found. */
export interface SavedPasswords {
  /** Users whose password differs from the one this start gave them: it is kept. */
  kept: readonly string[];
  /** Users with a password of their own that this machine forgets at the next start, because nothing provisions them. */
  forgotten: readonly string[];
}

/**
 * Keeps the passwords that were changed on the machine since it started. Runs under the lock of the account files, so
 * it never takes what a step is just writing for a change on the machine.
 */
export async function savePasswords(machine: Machine): Promise<SavedPasswords> {
  const kept: string[] = [];
  const forgotten: string[] = [];
  await editAccounts(machine, async (accounts) => {
    kept.length = 0;
    forgotten.length = 0;
    const provisioned = await readProvisioned(machine);
    // Before the first stage of a start nothing is known: what stands there is that of the image.
    if (provisioned === undefined) return;
    const records = await readPasswordRecords(machine);
    for (const { name, hash, lastChange } of accounts.shadow.entries) {
      const given = provisioned.get(name);
      if (given === undefined) {
        forgotten.push(name);
        continue;
      }
      const isChanged = fingerprint(hash) !== given.provisioned;
      if (isChanged) kept.push(name);
      const next = nextRecord(records.get(name), given, isChanged ? { hash, changedOn: lastChange } : undefined);
      if (next === undefined) records.delete(name);
      else records.set(name, next);
    }
    await writePasswordRecords(machine, records);
  });
  return { kept, forgotten };
}

function nextRecord(
  record: PasswordRecord | undefined,
  given: Provisioned,
  change: { hash: string; changedOn: string } | undefined,
): PasswordRecord | undefined {
  const isSame = record?.source === given.source && record.provisioned === given.provisioned;
  const salt = isSame && record.salt !== undefined ? { salt: record.salt } : {};
  if (change !== undefined) return { ...given, ...change, ...salt };
  if (!isSame) return given.source === 'image' ? undefined : record;
  // Changed back. What an image gives needs no record; a configured one keeps its age and salt.
  return given.source === 'image' ? undefined : { ...given, changedOn: record.changedOn, ...salt };
}

/** Fingerprints of the password fields before a stage runs, for `notePasswordsOfStage`. */
export async function snapshotPasswords(machine: Machine): Promise<ReadonlyMap<string, string>> {
  const { shadow } = await readAccounts(machine);
  return new Map(shadow.entries.map(({ name, hash }) => [name, fingerprint(hash)]));
}

/**
 * After a stage: password fields that its commands changed (`chpasswd` in `commands`) are the configuration's, not
 * changes on the machine, and are set anew at each start; so nothing of them needs to be kept.
 */
export async function notePasswordsOfStage(machine: Machine, before: ReadonlyMap<string, string>): Promise<void> {
  const now = await snapshotPasswords(machine);
  if ([...now].every(([name, print]) => before.get(name) === print)) return;
  await editAccounts(machine, async ({ shadow }) => {
    const provisioned = (await readProvisioned(machine)) ?? new Map<string, Provisioned>();
    const records = await readPasswordRecords(machine);
    for (const { name, hash } of shadow.entries) {
      const print = fingerprint(hash);
      if (before.get(name) === print || provisioned.get(name)?.provisioned === print) continue;
      // What a step of this stage restored stands in the records already.
      if (records.get(name)?.hash === hash) continue;
      provisioned.set(name, { source: 'config', provisioned: print });
    }
    await writeProvisioned(machine, provisioned);
  });
}
