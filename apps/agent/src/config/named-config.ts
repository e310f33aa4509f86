import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SourceText } from '@bowline/spec';
import { downloadText } from '../download/download.ts';
import { describeUrl } from '../download/web-address.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { CONFIG_LIMIT_BYTES } from './config-text.ts';

/**
 * Reads a configuration that somebody named: a file, relative to `cwd`, or an http or https address. A little more than a
 * configuration may have is read, so that the checker sees that it is too large. Throws AgentError CONFIG_INVALID | DOWNLOAD_FAILED.
 */
export async function readNamedConfig(machine: Machine, name: string, cwd: string): Promise<SourceText> {
  if (/^https?:\/\//i.test(name)) return { path: describeUrl(name), text: await downloadText(machine, name) };
  try {
    return { path: name, text: await readHead(resolve(cwd, name)) };
  } catch (error) {
    throw new AgentError({
      code: 'CONFIG_INVALID',
      message: `cannot read ${name}: ${error instanceof Error ? error.message : ''}`,
      cause: error,
    });
  }
}

async function readHead(path: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(CONFIG_LIMIT_BYTES + 4);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) return buffer.toString('utf8', 0, length);
  }
}
