import { readFile } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { readAccounts } from './account-database.ts';
import { readIdentityLedger } from './identity-ledger.ts';

/** What `status` says about accounts. */
export interface AccountReport {
  /** Made by hand on the running machine: gone with the next start, because `/etc` is made anew. */
  transient: readonly string[];
  /** Members of the groups that may become root: admin, sudo, wheel. */
  administrators: readonly string[];
  /** Sentences for people; empty when all is well. */
  warnings: readonly string[];
}

const FIRST_PERSON = 1000;
const NOBODY = 65_534;
const ADMIN_GROUPS = ['admin', 'sudo', 'wheel'];

/** Looks at the accounts of the running machine; changes nothing. */
export async function reportAccounts(machine: Machine): Promise<AccountReport> {
  const { passwd, group, shadow } = await readAccounts(machine);
  const { ledger } = await readIdentityLedger(machine);
  // System users come and go with services (systemd-sysusers makes them at each start).
  const people = passwd.entries.filter(({ uid }) => uid >= FIRST_PERSON && uid < NOBODY);
  const transient = people.filter(({ name }) => !ledger.users.has(name)).map(({ name }) => name);
  const groups = group.entries.filter(({ name }) => ADMIN_GROUPS.includes(name));
  const gids = new Set(groups.map(({ gid }) => gid));
  const members = groups.flatMap((entry) => entry.members);
  const primary = passwd.entries.filter(({ gid }) => gids.has(gid)).map(({ name }) => name);
  const administrators = [...new Set([...members, ...primary])].toSorted();
  const hasRootPassword = shadow.find('root')?.hash.startsWith('$') ?? false;
  const rootLogsIn = hasRootPassword || (await hasKeys(machine, passwd.find('root')?.home ?? '/root'));
  return {
    transient,
    administrators,
    warnings: [
      ...transient.map((name) => `user ${name} is not in the configuration and is gone after the next start`),
      ...(rootLogsIn ? [] : await lockedOut(machine, administrators)),
    ],
  };
}

async function lockedOut(machine: Machine, administrators: readonly string[]): Promise<string[]> {
  const nobody = 'nobody can become administrator: root has neither password nor key, and';
  if (administrators.length === 0) return [`${nobody} no user is in the group admin, sudo or wheel`];
  const programs = await Promise.all(['sudo', 'doas'].map((name) => machine.program(name)));
  // Groups alone give nothing.
  return programs.some((path) => path !== undefined) ? [] : [`${nobody} the image has neither sudo nor doas`];
}

/** Whether a key may log in; files that cannot be read let nobody in. */
async function hasKeys(machine: Machine, home: string): Promise<boolean> {
  const text = await readFile(machine.locate(`${home}/.ssh/authorized_keys`), 'utf8').catch(() => '');
  return text.split('\n').some((line) => line.trim() !== '' && !line.trim().startsWith('#'));
}
