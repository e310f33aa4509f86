import { lstat } from 'node:fs/promises';
import { BowlineError } from '@bowline/errors';
import type { Machine } from '../machine/machine.ts';
import { stepFailed } from '../step-error.ts';
import { explainFileError } from '../system-file/link-target.ts';
import type { PasswdEntry } from './account-codecs.ts';
import { type AccountDatabase, editAccounts } from './account-database.ts';
import { chooseUid, ensureGroup, joinGroup, type NumberContext } from './account-numbers.ts';
import { makeHome } from './home-folder.ts';
import { readIdentityLedger, writeIdentityLedger } from './identity-ledger.ts';
import { type LoginDefaults, readLoginDefaults } from './login-defaults.ts';
import { readPasswordRecords, readProvisioned, writePasswordRecords, writeProvisioned } from './password-records.ts';
import { type PasswordAnswer, provisionPassword } from './provision-password.ts';
import { giveSubordinateIds } from './subordinate-ids.ts';
import type { UserRequest } from './user-request.ts';

/** What became of a user. */
export interface ProvisionedUser {
  changed: boolean;
  entry: PasswdEntry;
  notes: readonly string[];
}

const MS_PER_DAY = 86_400_000;

/**
 * Makes a user, or brings the password of one that exists to what it should be; everything else of a user that exists
 * stays. The order is one that may be cut off anywhere: first the number is fixed in the ledger, then the home folder is
 * complete, then groups and password stand, and passwd comes last, which makes the user exist.
 * Throws AgentError ACCOUNT_INVALID.
 */
export async function provisionUser(
  machine: Machine,
  user: UserRequest,
  reserved: ReadonlySet<number>,
): Promise<ProvisionedUser> {
  const defaults = await readLoginDefaults(machine);
  const today = String(Math.floor(machine.clock.now().getTime() / MS_PER_DAY));
  let password: PasswordAnswer | undefined;
  let home: HomeOutcome = { made: false };
  const { changed, result } = await editAccounts(
    machine,
    async (accounts) => {
      const records = await readPasswordRecords(machine);
      const provisioned = (await readProvisioned(machine))?.get(user.name);
      const question = { user: user.name, configured: user.password, locked: user.locked, today, provisioned };
      const current = accounts.passwd.find(user.name);
      const shadow = accounts.shadow.find(user.name);
      password = provisionPassword({
        ...question,
        current: current === undefined ? undefined : (shadow?.hash ?? current.password),
        record: records.get(user.name),
      });
      const made = current
        ? { entry: current, notes: existingNotes(accounts, user, current) }
        : await makeUser(machine, accounts, user, defaults, reserved);
      home = await tryHome(machine, user, made.entry, defaults, current !== undefined);
      if (password !== undefined) {
        records.set(user.name, password.record);
        await keep(made.notes, () => writePasswordRecords(machine, records));
        setPassword(accounts, user.name, password, defaults);
      }
      return made;
    },
    async () => {
      if (password === undefined) return;
      const all = (await readProvisioned(machine)) ?? new Map();
      await writeProvisioned(machine, all.set(user.name, password.provisioned));
    },
  );
  const { entry } = result;
  const notes = [...result.notes, ...(await lockNote(machine, user))];
  const subordinate = user.system ? false : await giveAllSubordinateIds(machine, entry, defaults);
  if (home.failure !== undefined) throw homeFailed(home.failure, entry);
  return { changed: changed || home.made || subordinate, entry, notes: [...notes, ...(home.note ? [home.note] : [])] };
}

async function lockNote(machine: Machine, user: UserRequest): Promise<string[]> {
  if (!user.locked || user.keys.length === 0) return [];
  const hasPam = await lstat(machine.locate('/etc/pam.d/sshd')).catch(() => undefined);
  return hasPam ? [] : [`lock_passwd may keep the SSH keys of ${user.name} out, too: sshd has no PAM here`];
}

/** A state that cannot be written, for a disk that is full, must not keep people out: they are made, and it is told. */
async function keep(notes: string[], write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const why = error instanceof BowlineError ? error.message : 'it cannot be written';
    notes.push(`number or password may be another after the next start: ${why}`);
  }
}

interface HomeOutcome {
  made: boolean;
  note?: string;
  /** Told when the account stands: a user without a home folder can still log in on the console. */
  failure?: unknown;
}

async function tryHome(
  machine: Machine,
  user: UserRequest,
  entry: PasswdEntry,
  defaults: LoginDefaults,
  existed: boolean,
): Promise<HomeOutcome> {
  const { homeFolder, homeMode, skeleton } = defaults;
  if (!user.makeHome || (existed && !(await lacksHome(machine, entry)))) return { made: false };
  try {
    const became = await makeHome(machine, entry, { skeleton, mode: homeMode, homeFolder });
    if (became === 'foreign') return { made: false, note: `${entry.home} belongs to another user and was left alone` };
    return { made: became !== 'kept' };
  } catch (failure) {
    return { made: false, failure };
  }
}

function homeFailed(failure: unknown, { name, home }: PasswdEntry): unknown {
  const explained = explainFileError(failure, home);
  if (explained instanceof BowlineError) return explained;
  const hint = `Look at the folders of ${home} with ls -ld; user ${name} itself was made.`;
  return stepFailed(`the home folder ${home} could not be made`, hint, failure);
}

/** A user of the configuration whose home folder could not be made before. */
async function lacksHome(machine: Machine, entry: PasswdEntry): Promise<boolean> {
  const { ledger } = await readIdentityLedger(machine);
  if (ledger.users.get(entry.name)?.source !== 'config') return false;
  return (await lstat(machine.locate(entry.home)).catch(() => undefined)) === undefined;
}

async function makeUser(
  machine: Machine,
  accounts: AccountDatabase,
  user: UserRequest,
  defaults: LoginDefaults,
  reserved: ReadonlySet<number>,
): Promise<{ entry: PasswdEntry; notes: string[] }> {
  const { ledger, warning } = await readIdentityLedger(machine);
  const notes = warning === undefined ? [] : [warning];
  const context: NumberContext = { accounts, ledger, defaults, reserved, notes };
  const home = user.home ?? `${defaults.homeFolder}/${user.name}`;
  const homeOwner = await lstat(machine.locate(home)).then(
    (stats) => (stats.isDirectory() ? stats.uid : undefined),
    () => undefined,
  );
  const uid = chooseUid(context, user, homeOwner);
  const gid = primaryGroup(context, user, uid);
  for (const group of user.groups) {
    if (accounts.group.find(group) === undefined) {
      ensureGroup(context, group, { system: true });
      notes.push(`group ${group} was not there and was made`);
    }
    joinGroup(accounts, group, user.name);
  }
  const shell = user.shell ?? defaults.shell;
  if ((await lstat(machine.locate(shell)).catch(() => undefined)) === undefined) {
    notes.push(`the shell ${shell} of ${user.name} is not there: no login until it is`);
  }
  const entry = { name: user.name, password: 'x', uid, gid, gecos: user.gecos, home, shell };
  accounts.passwd.put(entry);
  await keep(notes, () => writeIdentityLedger(machine, ledger));
  return { entry, notes };
}

function primaryGroup(context: NumberContext, user: UserRequest, uid: number): number {
  const { accounts, defaults, notes } = context;
  const wanted = user.primaryGroup ?? (user.ownGroup ? undefined : defaults.group);
  if (wanted === undefined) return ensureGroup(context, user.name, { system: user.system, preferred: uid });
  if (/^\d+$/.test(wanted)) return Number(wanted);
  if (accounts.group.find(wanted) === undefined) notes.push(`group ${wanted} was not there and was made`);
  return ensureGroup(context, wanted, { system: true });
}

/** What the configuration says and a user that exists is not; Kairos leaves these alone without a word. */
function existingNotes(accounts: AccountDatabase, user: UserRequest, entry: PasswdEntry): string[] {
  const missing = user.groups.filter((group) => {
    const found = accounts.group.find(group);
    return found === undefined || (found.gid !== entry.gid && !found.members.includes(user.name));
  });
  const differing = [
    ...(user.uid !== undefined && user.uid !== entry.uid ? ['uid'] : []),
    ...(user.home !== undefined && user.home !== entry.home ? ['homedir'] : []),
    ...(user.shell !== undefined && user.shell !== entry.shell ? ['shell'] : []),
    ...(missing.length > 0 ? [`groups (${missing.join(', ')})`] : []),
  ];
  if (differing.length === 0) return [];
  return [`${user.name} existed: only password and keys are set, not ${differing.join(', ')}`];
}

/** Aging stays as it is; a new user gets that of login.defs. */
function setPassword(accounts: AccountDatabase, name: string, password: PasswordAnswer, defaults: LoginDefaults): void {
  const existing = accounts.shadow.find(name);
  if (existing?.hash === password.hash) return;
  const fresh = { ...defaults.aging, reserved: '', name, hash: '', lastChange: '' };
  // Day 0 would force a change at the next login: that is what a clock says that was never set.
  const lastChange = password.changedOn === '0' ? '' : password.changedOn;
  accounts.shadow.put({ ...(existing ?? fresh), hash: password.hash, lastChange });
  const entry = accounts.passwd.find(name);
  // A hash in passwd(5) itself would go on counting.
  if (entry !== undefined && entry.password !== 'x') accounts.passwd.put({ ...entry, password: 'x' });
}

async function giveAllSubordinateIds(machine: Machine, entry: PasswdEntry, defaults: LoginDefaults): Promise<boolean> {
  const first = defaults.users.first;
  if (entry.uid < first || entry.uid > defaults.users.last) return false;
  const uids = await giveSubordinateIds(machine, '/etc/subuid', entry, defaults.subUids, first);
  const gids = await giveSubordinateIds(machine, '/etc/subgid', entry, defaults.subGids, first);
  return uids || gids;
}
