import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { AGENT_STATE_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';

/** Where a name was first seen. */
export type IdentitySource = 'image' | 'config';

/** A number and where it comes from. */
export interface Identity {
  id: number;
  source: IdentitySource;
}

/** The numbers of names, over restarts and versions. */
export interface IdentityLedger {
  users: Map<string, Identity>;
  groups: Map<string, Identity>;
}

/** On state, readable by root only. */
export const IDENTITY_LEDGER_FILE = `${AGENT_STATE_FOLDER}/identity.json`;

const VERSION = 1;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The ledger of the machine; empty where there is none yet. One that cannot be read is set aside as
 * `identity.json.unreadable`, because a machine must start all the same; `warning` then says so. Never throws.
 */
export async function readIdentityLedger(machine: Machine): Promise<{ ledger: IdentityLedger; warning?: string }> {
  const path = machine.locate(IDENTITY_LEDGER_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : '',
  );
  if (text === undefined) return { ledger: emptyLedger() };
  const ledger = parseIdentityLedger(text);
  if (ledger !== undefined) return { ledger };
  await rename(path, `${path}.unreadable`).catch(() => undefined);
  return {
    ledger: emptyLedger(),
    warning: `${IDENTITY_LEDGER_FILE} could not be read and was set aside; numbers are taken from the image anew`,
  };
}

/** Writes the ledger, whole or not at all, when it differs from what is there. */
export async function writeIdentityLedger(machine: Machine, ledger: IdentityLedger): Promise<boolean> {
  const path = machine.locate(IDENTITY_LEDGER_FILE);
  const text = formatIdentityLedger(ledger);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return false;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, text, 0o600);
  return true;
}

/** A ledger without names. */
export function emptyLedger(): IdentityLedger {
  return { users: new Map(), groups: new Map() };
}

/** Undefined for what is no ledger. */
export function parseIdentityLedger(text: string): IdentityLedger | undefined {
  if (text.length > MAX_BYTES) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value['version'] !== VERSION) return undefined;
  const users = parseNames(value['users']);
  const groups = parseNames(value['groups']);
  return users && groups ? { users, groups } : undefined;
}

/** Names sorted, so that the same ledger is the same bytes. */
export function formatIdentityLedger(ledger: IdentityLedger): string {
  const names = (map: ReadonlyMap<string, Identity>) =>
    Object.fromEntries([...map].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const value = { version: VERSION, users: names(ledger.users), groups: names(ledger.groups) };
  return `${JSON.stringify(value, undefined, 1)}\n`;
}

function parseNames(value: unknown): Map<string, Identity> | undefined {
  if (!isRecord(value)) return undefined;
  const names = new Map<string, Identity>();
  for (const [name, entry] of Object.entries(value)) {
    if (!isRecord(entry)) return undefined;
    const { id, source } = entry;
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) return undefined;
    if (source !== 'image' && source !== 'config') return undefined;
    names.set(name, { id, source });
  }
  return names;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
