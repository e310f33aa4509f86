import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import type { PasswdEntry } from './account-codecs.ts';
import { type AnchoredFolder, isTrusted, openUserFolder, untrusted } from './anchored-folder.ts';
import { type AuthorizedKey, parseAuthorizedKey } from './ssh-key.ts';

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
const FILE = 'authorized_keys';
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Adds keys that `~/.ssh/authorized_keys` of a user does not have yet; lines that are there stay, in their order. The
 * folder is 0700, the file 0600, both the user's. The user can write to the home folder, so nothing is followed or
 * trusted there (see AnchoredFolder), and the file is replaced as a whole. Returns whether anything changed.
 * Throws AgentError STEP_FAILED.
 */
export async function authorizeKeys(
  machine: Machine,
  user: Pick<PasswdEntry, 'name' | 'uid' | 'gid' | 'home'>,
  keys: readonly AuthorizedKey[],
): Promise<boolean> {
  const home = await openUserFolder(machine, user.home, user.uid);
  if (home === undefined) throw untrusted(user.home, 'does not exist');
  try {
    const { folder, changed } = await openSshFolder(home, user);
    try {
      return (await addKeys(folder, user, keys)) || changed;
    } finally {
      await folder.close();
    }
  } finally {
    await home.close();
  }
}

async function openSshFolder(
  home: AnchoredFolder,
  user: { uid: number; gid: number },
): Promise<{ folder: AnchoredFolder; changed: boolean }> {
  const stats = await home.look('.ssh');
  if (stats?.isSymbolicLink()) throw untrusted(`${home.path}/.ssh`, 'is a symbolic link');
  if (stats !== undefined && !stats.isDirectory()) throw untrusted(`${home.path}/.ssh`, 'is no folder');
  const folder = stats === undefined ? await home.makeFolder('.ssh', 0o700) : await home.enter('.ssh');
  try {
    const found = await folder.stat();
    if (!isTrusted(found.uid, user.uid)) throw untrusted(folder.path, 'belongs to somebody else');
    const isOwned = found.uid === user.uid && found.gid === user.gid;
    const isPrivate = (found.mode & 0o7777) === 0o700;
    if (!isOwned) await folder.chown(user.uid, user.gid);
    if (!isPrivate) await folder.chmod(0o700);
    return { folder, changed: stats === undefined || !isOwned || !isPrivate };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

async function addKeys(
  folder: AnchoredFolder,
  user: { uid: number; gid: number },
  keys: readonly AuthorizedKey[],
): Promise<boolean> {
  const before = await readKeys(folder, user.uid);
  const known = new Set(before.text.split('\n').map((line) => parseAuthorizedKey(line)?.material));
  const added = keys.filter(({ material }) => !known.has(material) && known.add(material));
  if (added.length === 0 && !before.wrongOwner) return false;
  const kept = before.text === '' || before.text.endsWith('\n') ? before.text : `${before.text}\n`;
  await replace(folder, user, kept + added.map(({ line }) => `${line}\n`).join(''));
  return true;
}

/** The file is replaced when it is not the user's, or others may write it: sshd would not look at it. */
async function readKeys(folder: AnchoredFolder, uid: number): Promise<{ text: string; wrongOwner: boolean }> {
  const stats = await folder.look(FILE);
  if (stats === undefined) return { text: '', wrongOwner: false };
  const path = `${folder.path}/${FILE}`;
  if (stats.isSymbolicLink()) throw untrusted(path, 'is a symbolic link');
  if (!stats.isFile()) throw untrusted(path, 'is no file');
  if (stats.size > MAX_BYTES) throw untrusted(path, 'is larger than 4 MiB');
  // A second name of a file elsewhere: its content is not the user's to have copied.
  if (!isTrusted(stats.uid, uid) || stats.nlink > 1) throw untrusted(path, 'belongs to somebody else');
  const file = await folder.openFile(FILE, O_RDONLY);
  try {
    const opened = await file.stat();
    if (opened.ino !== stats.ino || opened.dev !== stats.dev) throw untrusted(path, 'changed meanwhile');
    return { text: await file.readFile('utf8'), wrongOwner: stats.uid !== uid || (stats.mode & 0o777) !== 0o600 };
  } finally {
    await file.close();
  }
}

async function replace(folder: AnchoredFolder, user: { uid: number; gid: number }, text: string): Promise<void> {
  const temporary = `.${FILE}-${randomBytes(6).toString('hex')}`;
  const file = await folder.openFile(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  try {
    try {
      await file.writeFile(text);
      await file.chown(user.uid, user.gid);
      await file.chmod(0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    await folder.rename(temporary, FILE);
  } catch (error) {
    await folder.remove(temporary);
    throw error;
  }
  await folder.sync();
}
