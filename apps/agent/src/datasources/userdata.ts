import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { HEADERS } from '@bowline/spec';
import { MAX_USERDATA_BYTES } from './datasource.ts';
import { sourceFailed } from './failure.ts';
import { isMime, readMime } from './mime.ts';

/** What user data asks for. */
export interface Userdata {
  /** Cloud-configs, each with its header. */
  configs: readonly string[];
  /** Programs with a `#!` line. */
  scripts: readonly string[];
  /** Kinds of parts that Bowline does not apply. */
  ignored: readonly string[];
}

const HINT = 'Begin it with a line "#cloud-config", or "#!/bin/sh" for a script.';
/** Other beginnings that cloud-init knows, by what people call them. */
const FOREIGN: readonly [start: string, name: string][] = [
  ['#include', 'an include list'],
  ['#cloud-boothook', 'a boothook'],
  ['#part-handler', 'a part handler'],
  ['#upstart-job', 'an upstart job'],
  ['#cloud-config-archive', 'a cloud-config archive'],
  ['#cloud-config-jsonp', 'a JSON patch'],
];
/** Keys by which a document without a header is known to be meant. */
const KEYS = ['stages', 'users', 'hostname', 'install', 'write_files', 'runcmd', 'config_url', 'ssh_authorized_keys'];

/**
 * Reads user data: a cloud-config, a script, a MIME message of them, each plain or gzip.
 *
 * @throws AgentError DATASOURCE_FAILED for anything else, also for YAML that cannot be parsed; nothing of it is quoted.
 */
export async function readUserdata(bytes: Uint8Array): Promise<Userdata> {
  const text = decode(await unpack(bytes));
  if (!isMime(text)) return classify(text, 'user data');
  const all: Userdata[] = [];
  // Latin-1 keeps every byte while the message is taken apart; each part is decoded by itself.
  for (const part of readMime(Buffer.from(text, 'utf8').toString('latin1'))) {
    all.push(await readPart(part.type, await unpack(part.bytes)));
  }
  return {
    configs: all.flatMap(({ configs }) => configs),
    scripts: all.flatMap(({ scripts }) => scripts),
    ignored: all.flatMap(({ ignored }) => ignored),
  };
}

async function readPart(type: string, bytes: Uint8Array): Promise<Userdata> {
  const isKnown = ['text/cloud-config', 'text/x-shellscript', 'text/plain', 'text/x-yaml'].includes(type);
  if (!isKnown) return { configs: [], scripts: [], ignored: [type.slice(0, 40)] };
  const text = decode(bytes);
  if (type === 'text/cloud-config' && !hasHeader(text)) return classify(`#cloud-config\n${text}`, 'part');
  return classify(text, 'part');
}

async function unpack(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: MAX_USERDATA_BYTES });
  } catch (cause) {
    const message = `The user data is gzip that is damaged, or unpacks to more than ${MAX_USERDATA_BYTES} bytes.`;
    throw sourceFailed(message, 'Pack it again.', cause);
  }
}

function decode(bytes: Uint8Array): string {
  if (bytes.length > MAX_USERDATA_BYTES) {
    throw sourceFailed(`The user data has more than ${MAX_USERDATA_BYTES} bytes.`, 'Give less.');
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw sourceFailed('The user data is no text.', HINT);
  }
  if (text.includes('\0')) throw sourceFailed('The user data is no text.', HINT);
  return text.replaceAll('\r\n', '\n').trimStart();
}

function hasHeader(text: string): boolean {
  const lines = text.split('\n', 2);
  const first = lines[0]?.startsWith('## template:') ? lines[1] : lines[0];
  return HEADERS.some((header) => first?.trimEnd() === header);
}

async function classify(text: string, what: string): Promise<Userdata> {
  if (text === '') return { configs: [], scripts: [], ignored: [] };
  if (text.startsWith('#!')) return { configs: [], scripts: [text], ignored: [] };
  if (hasHeader(text)) {
    await parseYaml(text);
    return { configs: [text], scripts: [], ignored: [] };
  }
  const foreign = FOREIGN.find(([start]) => text.startsWith(start));
  if (foreign !== undefined) throw sourceFailed(`The ${what} is ${foreign[1]}, which is not supported.`, HINT);
  // Kairos takes such a document too when it can read it.
  const document = await parseYaml(text).catch(() => undefined);
  const isMeant = typeof document === 'object' && document !== null && KEYS.some((key) => Object.hasOwn(document, key));
  if (!isMeant) throw sourceFailed(`The ${what} is neither a cloud-config nor a script.`, HINT);
  return { configs: [`#cloud-config\n${text}`], scripts: [], ignored: [] };
}

async function parseYaml(text: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  try {
    const document = parseDocument(text, { uniqueKeys: false });
    if (document.errors.length === 0) return document.toJS({ maxAliasCount: 100 }) as unknown;
    const line = document.errors[0]?.linePos?.[0].line;
    throw sourceFailed(
      `The cloud-config of the user data is no YAML (line ${line ?? '?'}).`,
      'Check it with bowline validate.',
    );
  } catch (error) {
    if ((error as { code?: unknown }).code === 'DATASOURCE_FAILED') throw error;
    throw sourceFailed('The cloud-config of the user data is no YAML.', 'Check it with bowline validate.');
  }
}
