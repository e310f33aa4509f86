import { readFile, stat } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../plugins/plugin.ts';
import { refuseBadPath } from '../system-file/link-target.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { groupTable, gshadowTable, passwdTable, shadowTable } from './account-codecs.ts';
import { type AccountDatabase, editAccounts, readAccounts } from './account-database.ts';
import { withAccountLock } from './account-lock.ts';
import { applyEntity, type EntityContext, removeEntity } from './apply-entity.ts';
import { ENTITY_FILES, type Entity, type EntityKind, readEntity } from './entity-document.ts';
import { readIdentityLedger, writeIdentityLedger } from './identity-ledger.ts';
import { readPasswordRecords, readProvisioned, writePasswordRecords, writeProvisioned } from './password-records.ts';
import { type PasswordAnswer, provisionPassword } from './provision-password.ts';

/** What to do with the entry of an entity. */
export type EntityVerb = 'ensure' | 'delete';

const MS_PER_DAY = 86_400_000;

/**
 * Writes or removes the entry that a document describes, in `path` or the file of its kind. The document is a template.
 * Throws AgentError ACCOUNT_INVALID | STEP_INVALID, TemplateError.
 */
export async function editEntity(
  machine: Machine,
  verb: EntityVerb,
  document: { entity: string; path?: string | undefined },
): Promise<Outcome> {
  const entity = await readEntity(await machine.render(document.entity));
  const path = document.path === undefined || document.path === '' ? ENTITY_FILES[entity.kind] : document.path;
  refuseBadPath(path);
  const notes: string[] = [];
  const today = String(Math.floor(machine.clock.now().getTime() / MS_PER_DAY));
  const edit = async (accounts: AccountDatabase, wanted = entity): Promise<void> => {
    notes.length = 0;
    const { ledger, warning } = await readIdentityLedger(machine);
    if (warning !== undefined) notes.push(warning);
    const context: EntityContext = { accounts, ledger, today, notes };
    if (verb === 'delete') return removeEntity(context, wanted);
    applyEntity(context, wanted);
    await writeIdentityLedger(machine, ledger);
  };
  const changed =
    path === ENTITY_FILES[entity.kind]
      ? await editSystemFile(machine, entity, edit, { today, ensures: verb === 'ensure' })
      : await editOtherFile(machine, entity.kind, path, edit);
  return { changed, ...(notes.length > 0 ? { note: notes.join('; ') } : {}) };
}

async function editSystemFile(
  machine: Machine,
  entity: Entity,
  edit: (accounts: AccountDatabase, wanted: Entity) => Promise<void>,
  { today, ensures }: { today: string; ensures: boolean },
): Promise<boolean> {
  const { name, kind, fields } = entity;
  let password: PasswordAnswer | undefined;
  const { changed } = await editAccounts(
    machine,
    async (accounts) => {
      if (kind !== 'shadow' || !ensures) return await edit(accounts, entity);
      const records = await readPasswordRecords(machine);
      const provisioned = (await readProvisioned(machine))?.get(name);
      const current = accounts.shadow.find(name)?.hash;
      const configured = fields.get('password');
      const question = { user: name, configured, locked: false, current, provisioned, today };
      password = provisionPassword({ ...question, record: records.get(name) });
      const wanted = new Map(fields).set('password', password?.hash ?? '');
      if (fields.get('last_changed') === 'now' && password) wanted.set('last_changed', password.changedOn);
      await edit(accounts, { ...entity, fields: wanted });
      if (password !== undefined) await writePasswordRecords(machine, records.set(name, password.record));
    },
    async () => {
      if (password === undefined) return;
      const all = (await readProvisioned(machine)) ?? new Map();
      await writeProvisioned(machine, all.set(name, password.provisioned));
    },
  );
  return changed;
}

/** A file in one of the formats that is not the system's: only its own table is edited. */
async function editOtherFile(
  machine: Machine,
  kind: EntityKind,
  path: string,
  edit: (accounts: AccountDatabase) => Promise<void>,
): Promise<boolean> {
  return await withAccountLock(machine, path, async () => {
    const at = machine.locate(path);
    const stats = await stat(at).catch(() => undefined);
    const content = stats === undefined ? '' : await readFile(at);
    const accounts = await readAccounts(machine);
    const own: AccountDatabase = {
      passwd: kind === 'user' ? passwdTable(content) : accounts.passwd,
      group: kind === 'group' ? groupTable(content) : accounts.group,
      shadow: kind === 'shadow' ? shadowTable(content) : accounts.shadow,
      gshadow: kind === 'gshadow' ? gshadowTable(content) : accounts.gshadow,
    };
    await edit(own);
    const table = kind === 'user' ? own.passwd : own[kind];
    if (!table?.changed) return false;
    const isSecret = kind === 'shadow' || kind === 'gshadow';
    const mode = stats === undefined ? (isSecret ? 0o600 : 0o644) : stats.mode & 0o7777;
    const owner = { uid: stats?.uid ?? process.geteuid?.() ?? 0, gid: stats?.gid ?? process.getegid?.() ?? 0 };
    return await writeSystemFile(machine, path, table.toBytes(), { mode, owner });
  });
}
