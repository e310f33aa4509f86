import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytePathOf } from '@bowline/formats';
import { AGENT_FILE } from '@bowline/os-layout';
import type { Addition } from '../compose/additions.ts';
import { findNode, type MergedTree } from '../compose/merged-tree.ts';
import { symlink } from './addition.ts';

const FILES = join(import.meta.dirname, 'files');
const UNITS = 'usr/lib/systemd/system';
/** [unit, target that wants it]; links below /usr, so that /etc needs none. */
const WANTED = [
  ['bowline-fs.service', 'sysinit.target'],
  ['bowline-boot.service', 'multi-user.target'],
  ['bowline-network.service', 'multi-user.target'],
  ['bowline-install.service', 'multi-user.target'],
  ['bowline-install-web.service', 'multi-user.target'],
  ['bowline-assess.service', 'multi-user.target'],
  ['bowline-passwords.path', 'multi-user.target'],
  ['bowline-recovery.path', 'multi-user.target'],
  ['bowline-go-back.service', 'multi-user.target'],
  ['bowline-reconcile.timer', 'timers.target'],
] as const;
const RUNLEVELS = {
  fs: 'boot',
  boot: 'default',
  network: 'default',
  install: 'default',
  'install-web': 'default',
  assess: 'default',
  watch: 'default',
} as const;
const OPENRC = ['sbin/openrc-run', 'usr/sbin/openrc-run'];
/** What the agent of Kairos is called; scripts of its users call it. */
const KAIROS_AGENT = 'usr/bin/kairos-agent';
/** Who may become root, where the base has sudo; relative to the root. */
export const SUDOERS_FILE = 'etc/sudoers.d/bowline-admin';

/** Units, scripts and links by which the agent runs at its moments: the folder `files`, and how it is hooked in. */
export async function runtimeFiles(): Promise<Addition[]> {
  const names = (await readdir(FILES, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(FILES.length + 1))
    .sort();
  const files = await Promise.all(
    names.map(async (path): Promise<Addition> => {
      const content = new Uint8Array(await readFile(join(FILES, path)));
      // The mode follows from the content: a checkout may have lost it.
      const isScript = content[0] === 0x23 && content[1] === 0x21;
      return { path: bytePathOf(path), type: 'file', mode: isScript ? 0o755 : 0o644, uid: 0, gid: 0, content };
    }),
  );
  return [
    ...files,
    ...WANTED.map(([unit, target]) => symlink(`${UNITS}/${target}.wants/${unit}`, `../${unit}`)),
    ...Object.entries(RUNLEVELS).map(([name, level]) =>
      symlink(`etc/runlevels/${level}/bowline-${name}`, `/etc/init.d/bowline-${name}`),
    ),
    symlink('usr/bin/bowline-agent', `..${AGENT_FILE.slice('/usr'.length)}`),
    symlink(KAIROS_AGENT, 'bowline-agent'),
  ];
}

/** Those of the additions that make sense on a base: files of OpenRC where it has that, and no name that it uses itself. */
export function fitBase(additions: readonly Addition[], base: MergedTree): Addition[] {
  const has = (path: string): boolean => findNode(base, bytePathOf(path), { follow: true }) !== undefined;
  const hasOpenRc = OPENRC.some(has);
  return additions.filter(({ path }) => {
    if (/^etc\/(?:init\.d|runlevels)\//.test(path)) return hasOpenRc;
    if (path === SUDOERS_FILE) return has('etc/sudoers');
    return path !== KAIROS_AGENT || !has(KAIROS_AGENT);
  });
}
