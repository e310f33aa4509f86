import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withScratchFolder } from '@bowline/host';
import type { Machine } from '../machine/machine.ts';
import { explainFileError, type FileTarget, findFileTarget } from '../system-file/link-target.ts';
import { folderModeFor, makeFolders } from '../system-file/make-folders.ts';
import { applyAttributes, type FileAttributes, moveIntoPlace } from '../system-file/write-system-file.ts';
import { type DownloadOptions, downloadFailed, type Reply, request } from './request.ts';
import { parseWebAddress } from './web-address.ts';

const MIB = 2 ** 20;

/** Downloads a UTF-8 text. Throws AgentError DOWNLOAD_FAILED | STEP_INVALID; messages hold no secrets of the address. */
export function downloadText(machine: Machine, url: string, options: DownloadOptions = {}): Promise<string> {
  const limits = { timeoutMs: 60_000, maxBytes: 10 * MIB, ...defined(options) };
  return request(machine, url, limits, async ({ body }) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (bytes.includes(0)) throw notText(url);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw notText(url);
    }
  });
}

/**
 * Downloads to a file of the machine: whole or not at all, parents made, links followed. A file with the size and time
 * that the server announces is not fetched again. True when content, mode or owner changed.
 * Throws AgentError DOWNLOAD_FAILED | STEP_INVALID | STEP_FAILED.
 */
export async function downloadFile(
  machine: Machine,
  url: string,
  path: string,
  options: DownloadOptions & FileAttributes,
): Promise<boolean> {
  const target = await findFileTarget(machine, path);
  const limits = { timeoutMs: 30 * 60_000, maxBytes: 16 * 1024 * MIB, ...defined(options) };
  return request(machine, url, limits, async (reply) => {
    const modified = lastModified(reply.headers);
    try {
      if (isUpToDate(target, reply, modified)) return await applyAttributes(target, options);
      return await receiveFile(reply, target, modified, options);
    } catch (error) {
      throw explainFileError(error, path);
    }
  });
}

async function receiveFile(
  reply: Reply,
  target: FileTarget,
  modified: Date | undefined,
  attributes: FileAttributes,
): Promise<boolean> {
  const folder = dirname(target.path);
  await makeFolders(folder, folderModeFor(attributes.mode), attributes.owner);
  return withScratchFolder(folder, async (scratch) => {
    const temporary = join(scratch, basename(target.path));
    const digest = await store(reply.body, temporary);
    if (modified !== undefined) await utimes(temporary, modified, modified);
    if (target.stats !== undefined && (await digestOf(target.path)) === digest) {
      if (modified !== undefined) await utimes(target.path, modified, modified);
      return applyAttributes(target, attributes);
    }
    await moveIntoPlace(temporary, target, attributes);
    return true;
  });
}

async function store(body: AsyncIterable<Uint8Array>, path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** A file that was changed here has a time with fractions of a second, which HTTP cannot say. */
function isUpToDate(target: FileTarget, reply: Reply, modified: Date | undefined): boolean {
  const size = reply.headers.get('content-length');
  if (target.stats === undefined || modified === undefined || size === null) return false;
  return target.stats.mtimeMs === modified.getTime() && target.stats.size === Number(size);
}

function lastModified(headers: Headers): Date | undefined {
  const time = Date.parse(headers.get('last-modified') ?? '');
  return Number.isNaN(time) ? undefined : new Date(time);
}

function notText(url: string): Error {
  return downloadFailed(parseWebAddress(url), 'what the server sent is no UTF-8 text', 'Check the address.');
}

function defined(options: DownloadOptions): { [K in keyof DownloadOptions]?: NonNullable<DownloadOptions[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
