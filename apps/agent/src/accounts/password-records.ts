import { chmod, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { AGENT_STATE_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';

/** Who gave an account the password it starts with. */
export type PasswordSource = 'image' | 'config';

/** What is given to an account at the start of the machine, before anybody changes it there. */
export interface Provisioned {
  source: PasswordSource;
  /** Fingerprint of the password field. */
  provisioned: string;
}

/** What is kept of a password over restarts. */
export interface PasswordRecord extends Provisioned {
  /** Day of the last change, as in shadow(5), so that the age of a password does not start anew at each start. */
  changedOn: string;
  /** The password field, when it was changed on the machine. */
  hash?: string;
  /** For a password that is configured as plain text, so that its hash stays the same. */
  salt?: string;
}

/** On state, 0600: holds hashes. */
export const PASSWORD_RECORD_FILE = `${AGENT_STATE_FOLDER}/passwords.json`;
/** What this start provisioned; gone with the next one. */
export const PROVISIONED_FILE = '/run/bowline/passwords.json';

/** Records by user. A file that cannot be read counts as empty: then the configuration wins. */
export async function readPasswordRecords(machine: Machine): Promise<Map<string, PasswordRecord>> {
  return await readMap(machine.locate(PASSWORD_RECORD_FILE), (value) => {
    const { changedOn, hash, salt } = value;
    const provisioned = toProvisioned(value);
    if (provisioned === undefined || typeof changedOn !== 'string') return undefined;
    return {
      ...provisioned,
      changedOn,
      ...(typeof hash === 'string' ? { hash } : {}),
      ...(typeof salt === 'string' ? { salt } : {}),
    };
  });
}

/** Writes the records when they differ. */
export async function writePasswordRecords(machine: Machine, records: ReadonlyMap<string, PasswordRecord>) {
  await writeMap(machine.locate(PASSWORD_RECORD_FILE), records);
}

/** What this start provisioned, by user; undefined when nothing was provisioned yet. */
export async function readProvisioned(machine: Machine): Promise<Map<string, Provisioned> | undefined> {
  const map = await readMap(machine.locate(PROVISIONED_FILE), toProvisioned);
  return map.size === 0 ? undefined : map;
}

/** Writes what this start provisioned. */
export async function writeProvisioned(machine: Machine, provisioned: ReadonlyMap<string, Provisioned>) {
  await writeMap(machine.locate(PROVISIONED_FILE), provisioned);
}

function toProvisioned(value: Record<string, unknown>): Provisioned | undefined {
  const { source, provisioned } = value;
  if ((source !== 'image' && source !== 'config') || typeof provisioned !== 'string') return undefined;
  return { source, provisioned };
}

async function readMap<T>(path: string, read: (value: Record<string, unknown>) => T | undefined) {
  const map = new Map<string, T>();
  const text = await readFile(path, 'utf8').catch(() => '{}');
  const users = parseUsers(text);
  for (const [name, value] of Object.entries(users)) {
    const record = typeof value === 'object' && value !== null ? read(value as Record<string, unknown>) : undefined;
    if (record !== undefined) map.set(name, record);
  }
  return map;
}

function parseUsers(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('users' in value)) return {};
    return typeof value.users === 'object' && value.users !== null ? value.users : {};
  } catch {
    return {};
  }
}

async function writeMap(path: string, map: ReadonlyMap<string, unknown>): Promise<void> {
  const users = Object.fromEntries([...map].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const text = `${JSON.stringify({ version: 1, users }, undefined, 1)}\n`;
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return await chmod(path, 0o600);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, text, 0o600);
}
