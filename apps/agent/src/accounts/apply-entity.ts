import type { GroupEntry, PasswdEntry, ShadowEntry } from './account-codecs.ts';
import type { AccountDatabase } from './account-database.ts';
import { allocateId } from './allocate-id.ts';
import { readPassword } from './crypt-hash.ts';
import { type Entity, listField, numberField } from './entity-document.ts';
import type { Identity, IdentityLedger } from './identity-ledger.ts';
import { makeSalt, sha512Crypt } from './sha512-crypt.ts';

/** What entities are applied with. */
export interface EntityContext {
  accounts: AccountDatabase;
  /** Gets the numbers that are chosen. */
  ledger: IdentityLedger;
  /** Days since 1970. */
  today: string;
  /** Gets sentences for the record. */
  notes: string[];
}

/** Where mudler/entities takes dynamic numbers from, downward. */
const DYNAMIC = { first: 500, last: 999 };

/**
 * Writes an entry as an entity describes it. What the entity does not name keeps its value, or gets the usual one; the
 * members of a group are added to those it has. Throws AgentError ACCOUNT_INVALID.
 */
export function applyEntity(context: EntityContext, entity: Entity): void {
  if (entity.unknown.length > 0)
    context.notes.push(`${entity.kind} ${entity.name}: ${entity.unknown.join(', ')} mean nothing`);
  if (entity.kind === 'user') applyUser(context, entity);
  else if (entity.kind === 'group') applyGroup(context, entity);
  else if (entity.kind === 'shadow') applyShadow(context, entity);
  else applyGshadow(context, entity);
}

/** Removes the entry of an entity from the file of its kind; its other fields do not matter. */
export function removeEntity({ accounts }: Pick<EntityContext, 'accounts'>, { kind, name }: Entity): void {
  if (kind === 'user') accounts.passwd.remove(name);
  else accounts[kind]?.remove(name);
}

function applyUser(context: EntityContext, entity: Entity): void {
  const { passwd, group } = context.accounts;
  const { name, fields } = entity;
  const old = passwd.find(name);
  const uid = numberField(entity, 'uid') ?? old?.uid ?? dynamicId(context, 'user', name, passwd.entries.map(byUid));
  const groupName = fields.get('group');
  const named = group.find(groupName === undefined || groupName === '' ? name : groupName)?.gid;
  if (groupName && named === undefined) context.notes.push(`group ${groupName} is not there`);
  const gid = (groupName ? named : undefined) ?? numberField(entity, 'gid') ?? old?.gid ?? named ?? 100;
  const entry: PasswdEntry = {
    name,
    password: passwdField(context, entity, old?.password ?? 'x'),
    uid,
    gid,
    gecos: fields.get('info') ?? old?.gecos ?? '',
    home: fields.get('homedir') ?? old?.home ?? '/',
    shell: fields.get('shell') ?? old?.shell ?? '/bin/sh',
  };
  passwd.put(entry);
}

/** Everybody can read passwd(5): plain text has no place there, and no password would fit it. */
function passwdField(context: EntityContext, { name, fields }: Entity, old: string): string {
  const value = fields.get('password');
  if (value === undefined || value === '' || value === 'x') return value === 'x' ? 'x' : old;
  const password = readPassword(name, value);
  if (password?.kind === 'hash') return password.hash;
  context.notes.push(`the password of ${name} belongs into an entity of kind shadow`);
  return 'x';
}

function applyGroup(context: EntityContext, entity: Entity): void {
  const { group } = context.accounts;
  const { name } = entity;
  const old = group.find(name);
  const gid = numberField(entity, 'gid') ?? old?.gid ?? dynamicId(context, 'group', name, group.entries.map(byGid));
  const entry: GroupEntry = {
    name,
    password: entity.fields.get('password') || (old?.password ?? 'x'),
    gid,
    members: [...new Set([...(old?.members ?? []), ...(listField(entity, 'users') ?? [])])],
  };
  group.put(entry);
}

function applyShadow(context: EntityContext, entity: Entity): void {
  const { shadow } = context.accounts;
  const { name, fields } = entity;
  const old = shadow.find(name);
  const hash = shadowHash(name, fields.get('password') ?? '', old?.hash);
  const day = fields.get('last_changed');
  // "now" is when the password changes, not when the stage runs: a second run changes nothing.
  const now = old !== undefined && old.hash === hash && old.lastChange !== '' ? old.lastChange : context.today;
  const entry: ShadowEntry = {
    name,
    hash,
    lastChange: day === 'now' ? now : (day ?? old?.lastChange ?? ''),
    minimum: fields.get('minimum_changed') ?? old?.minimum ?? '',
    maximum: fields.get('maximum_changed') ?? old?.maximum ?? '',
    warning: fields.get('warn') ?? old?.warning ?? '',
    inactive: fields.get('inactive') ?? old?.inactive ?? '',
    expires: fields.get('expire') ?? old?.expires ?? '',
    reserved: fields.get('reserved') ?? old?.reserved ?? '',
  };
  shadow.put(entry);
}

function shadowHash(name: string, value: string, old: string | undefined): string {
  const password = readPassword(name, value);
  if (password === undefined) return old ?? '*';
  if (password.kind === 'hash') return password.hash;
  if (old?.startsWith('$6$') && sha512Crypt(password.text, old) === old) return old;
  return sha512Crypt(password.text, `$6$${makeSalt()}`);
}

function applyGshadow(context: EntityContext, entity: Entity): void {
  const { gshadow } = context.accounts;
  if (gshadow === undefined) {
    context.notes.push('this system has no /etc/gshadow');
    return;
  }
  const { name } = entity;
  const old = gshadow.find(name);
  gshadow.put({
    name,
    password: entity.fields.get('password') || (old?.password ?? '!'),
    administrators: listField(entity, 'administrators') ?? old?.administrators ?? [],
    members: [...new Set([...(old?.members ?? []), ...(listField(entity, 'members') ?? [])])],
  });
}

function byUid({ uid, name }: PasswdEntry): [number, string] {
  return [uid, name];
}

function byGid({ gid, name }: GroupEntry): [number, string] {
  return [gid, name];
}

function dynamicId(context: EntityContext, kind: 'user' | 'group', name: string, taken: [number, string][]): number {
  const names = kind === 'user' ? context.ledger.users : context.ledger.groups;
  const ledger = new Map([...names].map(([other, identity]: [string, Identity]) => [other, identity.id]));
  const rest = { taken: new Map(taken), reserved: new Set<number>(), preferred: [], range: DYNAMIC, downward: true };
  const { id, note } = allocateId({ name, kind, ledger, ...rest });
  if (note !== undefined) context.notes.push(note);
  names.set(name, { id, source: 'config' });
  return id;
}
