import { SOURCE_EPOCH } from '@bowline/os-layout';
import type { User } from '@bowline/spec';
import {
  type AccountTable,
  findAccount,
  formatAccounts,
  freeId,
  parseAccounts,
  putAccount,
  shadowRow,
  usedIds,
} from './accounts.ts';
import { type RootChange, type RootReader, readText, textFile } from './root-reader.ts';

const FIRST_USER_ID = 1000;
const LAST_SYSTEM_ID = 999;
/** No password fits, and the account is not locked: without PAM, sshd refuses keys too where the field starts with `!`. */
const NO_PASSWORD = '*';
const SECONDS_PER_DAY = 86_400;
const KEYS_FOLDER = 'etc/ssh/authorized_keys.d';
const KEYS_OPTION = 'AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u\n';

/**
 * Users of the bowl as changes to passwd, group, shadow and sshd's configuration.
 * Keys live below /etc, not in the home folder: the home is on `state` and would keep a key that a later image revokes.
 */
export async function configureUsers(root: RootReader, users: readonly User[]): Promise<RootChange[]> {
  if (users.length === 0) return [];
  const passwd = parseAccounts(await readText(root, 'etc/passwd'));
  const group = parseAccounts(await readText(root, 'etc/group'));
  const shadow = parseAccounts(await readText(root, 'etc/shadow'));
  const changes: RootChange[] = [];
  for (const user of users) {
    const { uid, gid, home } = putUser(passwd, group, shadow, user);
    if (home.startsWith('/home/') || home === '/home') {
      changes.push({ kind: 'directory', path: home.slice(1), mode: 0o700, uid, gid });
    }
    if (user.sshAuthorizedKeys.length > 0) {
      changes.push(textFile(`${KEYS_FOLDER}/${user.name}`, `${user.sshAuthorizedKeys.join('\n')}\n`));
    }
  }
  changes.push(textFile('etc/passwd', formatAccounts(passwd)));
  changes.push(textFile('etc/group', formatAccounts(group)));
  changes.push({ ...textFile('etc/shadow', formatAccounts(shadow)), ...(await shadowOwner(group)) } as RootChange);
  if (users.some((user) => user.sshAuthorizedKeys.length > 0)) changes.push(...(await allowKeysBelowEtc(root)));
  return changes;
}

function putUser(
  passwd: AccountTable,
  group: AccountTable,
  shadow: AccountTable,
  user: User,
): { uid: number; gid: number; home: string } {
  const old = findAccount(passwd, user.name);
  const uid = user.uid ?? (old ? Number(old[2]) : freeId(usedIds(passwd), FIRST_USER_ID, 1));
  const home = user.home ?? old?.[5] ?? `/home/${user.name}`;
  const ownGroup = findAccount(group, user.name);
  let gid = old ? Number(old[3]) : Number(ownGroup?.[2]);
  if (!Number.isInteger(gid)) {
    const taken = usedIds(group);
    gid = taken.has(uid) ? freeId(taken, FIRST_USER_ID, 1) : uid;
    putAccount(group, [user.name, 'x', String(gid), '']);
  }
  putAccount(passwd, [user.name, 'x', String(uid), String(gid), user.gecos, home, user.shell]);
  const oldHash = findAccount(shadow, user.name)?.[1];
  putAccount(
    shadow,
    shadowRow(user.name, user.passwordHash ?? oldHash ?? NO_PASSWORD, Math.floor(SOURCE_EPOCH / SECONDS_PER_DAY)),
  );
  for (const name of user.groups) joinGroup(group, name, user.name);
  return { uid, gid, home };
}

function joinGroup(group: AccountTable, name: string, member: string): void {
  const row = findAccount(group, name) ?? [name, 'x', String(freeId(usedIds(group), LAST_SYSTEM_ID, -1)), ''];
  const members = (row[3] ?? '').split(',').filter((word) => word !== '');
  if (!members.includes(member)) members.push(member);
  putAccount(group, [row[0] ?? name, row[1] ?? 'x', row[2] ?? '', members.join(',')]);
}

/** Debian's group `shadow` reads /etc/shadow; elsewhere root alone does. */
async function shadowOwner(group: AccountTable): Promise<{ mode: number; gid: number }> {
  const row = findAccount(group, 'shadow');
  return row === undefined ? { mode: 0o600, gid: 0 } : { mode: 0o640, gid: Number(row[2]) };
}

async function allowKeysBelowEtc(root: RootReader): Promise<RootChange[]> {
  const config = await readText(root, 'etc/ssh/sshd_config');
  if (/^\s*Include\s+\S*\/sshd_config\.d\//m.test(config)) {
    return [textFile('etc/ssh/sshd_config.d/10-bowline-keys.conf', KEYS_OPTION)];
  }
  // sshd takes the first value it meets, so the line must stand before the base's own.
  return config === '' ? [] : [textFile('etc/ssh/sshd_config', `${KEYS_OPTION}${config}`)];
}
