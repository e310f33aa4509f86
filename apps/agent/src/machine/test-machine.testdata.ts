import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Host, nodeHost } from '@bowline/host';
import { NodeMachine } from './node-machine.ts';

/** Files of the machine: path to text. */
export type TestFiles = Readonly<Record<string, string>>;

export interface TestMachine {
  machine: NodeMachine;
  root: string;
  remove(): Promise<void>;
}

/**
 * A machine in a folder of its own: real files, real processes, real HTTP. Accounts of the calling user stand in its
 * passwd and group, so that owners resolve without root.
 */
export async function makeTestMachine(
  options: { files?: TestFiles; host?: Partial<Host>; signal?: AbortSignal } = {},
): Promise<TestMachine> {
  const root = await mkdtemp(join(tmpdir(), 'bowline-machine-'));
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const files: TestFiles = {
    '/etc/os-release': 'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\n',
    '/etc/passwd': `root:x:0:0:root:/root:/bin/sh\nself:x:${uid}:${gid}::/home/self:/bin/sh\n`,
    '/etc/group': `root:x:0:\nself:x:${gid}:\n`,
    '/etc/shadow': 'root:*:20000:0:99999:7:::\n',
    ...options.files,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const host = { ...nodeHost(), ...options.host };
  const machine = new NodeMachine({ host, root, ...(options.signal ? { signal: options.signal } : {}) });
  return { machine, root, remove: () => rm(root, { recursive: true, force: true }) };
}
