import { open, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@bowline/host';
import { STATE_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';
import type { Tree, TreeEntry } from './tree-entry.ts';

/** What the image delivered to the state of this machine: an ID in the first line, then one entry a line. */
export const DELIVERED_FILE = `${STATE_FOLDER}/.bowline/delivered`;
const MAX_BYTES = 512 * 2 ** 20;
const HEAD_BYTES = 256;
const TYPES = ['file', 'folder', 'link', 'other'] as const;

/** ID of the image whose delivery is on record; undefined when none is. */
export async function readDeliveredImage(machine: Machine): Promise<string | undefined> {
  const file = await open(machine.locate(DELIVERED_FILE)).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return /^delivered 1 (\S+)\n/.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
  } finally {
    await file.close();
  }
}

/** What was delivered; undefined when there is no record, or none that can be read whole. */
export async function readDelivered(machine: Machine): Promise<Tree | undefined> {
  const bytes = await readFile(machine.locate(DELIVERED_FILE)).catch(() => undefined);
  if (bytes === undefined || bytes.length > MAX_BYTES) return undefined;
  const [head = '', ...lines] = bytes.toString('utf8').split('\n');
  if (!/^delivered 1 \S+$/.test(head) || lines.pop() !== '' || lines.pop() !== 'end') return undefined;
  const tree: Tree = new Map();
  for (const line of lines) {
    const found = parseLine(line);
    if (found === undefined) return undefined;
    tree.set(...found);
  }
  return tree;
}

/** Writes what an image delivered, durably. */
export async function writeDelivered(machine: Machine, imageId: string, tree: Tree): Promise<void> {
  const lines = [...tree].map(([path, { type, mode, uid, gid, size, mtime, content }]) =>
    JSON.stringify([path, TYPES.indexOf(type), mode, uid, gid, size, mtime, content]),
  );
  const text = [`delivered 1 ${imageId}`, ...lines, 'end', ''].join('\n');
  await writeFileAtomic(machine.locate(DELIVERED_FILE), text, 0o600);
}

function parseLine(line: string): [string, TreeEntry] | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!Array.isArray(fields)) return undefined;
  const [path, code, mode, uid, gid, size, mtime, content] = fields as unknown[];
  const type = TYPES[Number(code)];
  const numbers = [mode, uid, gid, size, mtime];
  if (typeof path !== 'string' || typeof content !== 'string' || type === undefined) return undefined;
  if (path === '' || /(?:^|\/)\.{0,2}(?:\/|$)/.test(path) || !numbers.every((number) => Number.isSafeInteger(number))) {
    return undefined;
  }
  return [
    path,
    { type, mode: Number(mode), uid: Number(uid), gid: Number(gid), size: Number(size), mtime: Number(mtime), content },
  ];
}
