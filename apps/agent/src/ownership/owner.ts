import { readFile } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';

/** Who a file belongs to, as the kernel counts. */
export interface Owner {
  uid: number;
  gid: number;
}

/** How a step names an owner. */
export interface OwnerSpec {
  owner?: number | undefined;
  group?: number | undefined;
  ownerstring?: string | undefined;
}

const MAX_ID = 4_294_967_294;

/**
 * The owner that a step means. `ownerstring` (`user`, `user:group`, names or numbers) comes before the numbers `owner`
 * and `group`; a user without a group brings its primary group; who is not named is whoever the agent runs as, root on
 * a machine. Names are looked up in passwd(5) and group(5) of the machine, never in those of the process.
 * Throws AgentError ACCOUNT_INVALID for a name that is not there.
 */
export async function resolveOwner(machine: Machine, spec: OwnerSpec): Promise<Owner> {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  if (spec.ownerstring === undefined || spec.ownerstring === '') {
    return { uid: spec.owner ?? own.uid, gid: spec.group ?? own.gid };
  }
  const [user = '', group = '', ...rest] = spec.ownerstring.split(':');
  if (rest.length > 0) throw unknownAccount('owner', spec.ownerstring);
  const account = user === '' ? undefined : await findUser(machine, user);
  const gid = group === '' ? account?.gid : await findGroup(machine, group);
  return { uid: account?.uid ?? spec.owner ?? own.uid, gid: gid ?? spec.group ?? own.gid };
}

async function findUser(machine: Machine, name: string): Promise<{ uid: number; gid: number | undefined }> {
  const entries = await readEntries(machine, '/etc/passwd');
  const number = parseId(name);
  const entry =
    entries.find(([login]) => login === name) ??
    (number === undefined ? undefined : entries.find((fields) => parseId(fields[2]) === number));
  const uid = parseId(entry?.[2]) ?? number;
  if (uid === undefined) throw unknownAccount('user', name);
  return { uid, gid: parseId(entry?.[3]) };
}

async function findGroup(machine: Machine, name: string): Promise<number> {
  const entries = await readEntries(machine, '/etc/group');
  const gid = parseId(entries.find(([title]) => title === name)?.[2]) ?? parseId(name);
  if (gid === undefined) throw unknownAccount('group', name);
  return gid;
}

async function readEntries(machine: Machine, path: string): Promise<string[][]> {
  const text = await readFile(machine.locate(path), 'utf8').catch(() => '');
  return text.split('\n').map((line) => line.split(':'));
}

function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id > MAX_ID ? undefined : id;
}

function unknownAccount(kind: 'owner' | 'user' | 'group', name: string): AgentError {
  return new AgentError({
    code: 'ACCOUNT_INVALID',
    message: `there is no ${kind} ${JSON.stringify(name.slice(0, 64))} on this machine`,
    hint: 'Make it in an earlier step (users), or give numbers with owner and group.',
  });
}
