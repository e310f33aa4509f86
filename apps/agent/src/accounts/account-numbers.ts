import type { AccountDatabase } from './account-database.ts';
import { allocateId } from './allocate-id.ts';
import type { Identity, IdentityLedger } from './identity-ledger.ts';
import type { LoginDefaults } from './login-defaults.ts';

/** Everything a number is chosen from. Choosing one notes it in the ledger. */
export interface NumberContext {
  accounts: AccountDatabase;
  ledger: IdentityLedger;
  defaults: LoginDefaults;
  /** Numbers that other users of the configuration ask for. */
  reserved: ReadonlySet<number>;
  /** Gets sentences for the record. */
  notes: string[];
}

/** The number of a new user. Throws AgentError ACCOUNT_INVALID. */
export function chooseUid(
  context: NumberContext,
  user: { name: string; uid: number | undefined; system: boolean },
  homeOwner: number | undefined,
): number {
  const { accounts, ledger, defaults } = context;
  const answer = allocateId({
    name: user.name,
    kind: 'user',
    explicit: user.uid,
    ledger: ids(ledger.users),
    taken: new Map(
      accounts.passwd.entries.filter(({ name }) => name !== user.name).map(({ name, uid }) => [uid, name]),
    ),
    reserved: context.reserved,
    preferred: homeOwner === undefined || homeOwner === 0 ? [] : [homeOwner],
    range: user.system ? defaults.systemUsers : defaults.users,
    downward: user.system,
  });
  if (answer.note !== undefined) context.notes.push(answer.note);
  ledger.users.set(user.name, { id: answer.id, source: 'config' });
  return answer.id;
}

/** The number of a group, which is made when it is not there. Throws AgentError ACCOUNT_INVALID. */
export function ensureGroup(
  context: NumberContext,
  name: string,
  options: { system: boolean; preferred?: number },
): number {
  const { accounts, ledger, defaults } = context;
  const existing = accounts.group.find(name);
  if (existing !== undefined) return existing.gid;
  const answer = allocateId({
    name,
    kind: 'group',
    ledger: ids(ledger.groups),
    taken: new Map(accounts.group.entries.map((group) => [group.gid, group.name])),
    reserved: context.reserved,
    preferred: options.preferred === undefined ? [] : [options.preferred],
    range: options.system ? defaults.systemGroups : defaults.groups,
    downward: options.system,
  });
  if (answer.note !== undefined) context.notes.push(answer.note);
  ledger.groups.set(name, { id: answer.id, source: 'config' });
  accounts.group.put({ name, password: 'x', gid: answer.id, members: [] });
  accounts.gshadow?.put({ name, password: '!', administrators: [], members: [] });
  return answer.id;
}

/** Makes a user a member of a group that exists; false when it is one, or the group is not there. */
export function joinGroup(accounts: AccountDatabase, group: string, user: string): boolean {
  const entry = accounts.group.find(group);
  if (entry === undefined || entry.members.includes(user)) return false;
  accounts.group.put({ ...entry, members: [...entry.members, user] });
  const secret = accounts.gshadow?.find(group);
  if (secret && !secret.members.includes(user)) {
    accounts.gshadow?.put({ ...secret, members: [...secret.members, user] });
  }
  return true;
}

function ids(names: ReadonlyMap<string, Identity>): Map<string, number> {
  return new Map([...names].map(([name, { id }]) => [name, id]));
}
