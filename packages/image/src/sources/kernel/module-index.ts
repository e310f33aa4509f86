import { mkdir, mkdtemp, open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { bytePathOf, encodeLatin1 } from '@bowline/formats';
import { type BlobStore, removeTree } from '@bowline/host';
import { addToTree } from '../../compose/additions.ts';
import { readFileFromTree } from '../../compose/read-tree.ts';
import { ImageError } from '../../error.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { FoundKernel } from './find-kernel.ts';

const DEPMOD_TIMEOUT_MS = 300_000;
const MAX_MODULE_BYTES = 512 * 2 ** 20;

/** What indexing modules needs. */
export interface IndexContext {
  store: BlobStore;
  toolbox: () => Promise<Toolbox>;
  /** Private folder, removed by the caller. */
  scratch: string;
  signal: AbortSignal;
}

/**
 * Runs depmod over the modules of a kernel that has no `modules.dep` yet (a package that was only extracted), and adds the index
 * files to its tree, in place. Throws ImageError LAYER_INVALID for a module path that leads nowhere, HostError when depmod fails.
 */
export async function indexModules(kernel: FoundKernel, context: IndexContext): Promise<void> {
  if (kernel.hasModuleIndex) return;
  const base = await mkdtemp(path.join(context.scratch, 'depmod-'));
  try {
    await runDepmod(kernel, base, context);
  } finally {
    await removeTree(base);
  }
  kernel.hasModuleIndex = true;
}

async function runDepmod(kernel: FoundKernel, base: string, context: IndexContext): Promise<void> {
  const folder = path.join(base, 'lib', 'modules', kernel.version);
  const inTree = `usr/lib/modules/${kernel.version}`;
  const lists = ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'].map(bytePathOf);
  for (const file of [...kernel.moduleFiles, ...lists]) {
    context.signal.throwIfAborted();
    const bytes = await readFileFromTree(kernel.tree, context.store, `${inTree}/${file}`, {
      follow: false,
      maxBytes: MAX_MODULE_BYTES,
    });
    if (bytes !== undefined) await writeBelow(folder, file, bytes);
  }
  await mkdir(folder, { recursive: true });
  const toolbox = await context.toolbox();
  await toolbox.run({
    argv: ['depmod', '--basedir', '/work', kernel.version],
    binds: [{ source: base, target: '/work', writable: true }],
    timeoutMs: DEPMOD_TIMEOUT_MS,
    signal: context.signal,
  });
  const made = (await readdir(folder)).filter((name) => name.startsWith('modules.')).sort();
  if (!made.includes('modules.dep'))
    throw new ImageError({
      code: 'KERNEL_MODULE_MISSING',
      message: `depmod made no index of the modules of ${kernel.version}.`,
    });
  for (const name of made) {
    if (lists.includes(bytePathOf(name))) continue;
    const content = await readFile(path.join(folder, name));
    addToTree(kernel.tree, [{ path: `${inTree}/${name}`, type: 'file', mode: 0o644, uid: 0, gid: 0, content }]);
  }
}

/** Paths were checked when their tar was read: no `..`, not absolute. They may be no UTF-8, so they go to the system as bytes. */
async function writeBelow(folder: string, file: string, bytes: Uint8Array): Promise<void> {
  const target = Buffer.concat([Buffer.from(`${folder}/`), encodeLatin1(file)]);
  await mkdir(target.subarray(0, target.lastIndexOf('/')), { recursive: true });
  const handle = await open(target, 'wx');
  try {
    await handle.writeFile(bytes);
  } finally {
    await handle.close();
  }
}
