import { sourceFailed } from './failure.ts';

/** One part of a MIME message, decoded. */
export interface MimePart {
  /** In small letters: `text/cloud-config`. */
  type: string;
  bytes: Uint8Array;
}

const MAX_PARTS = 64;
const MAX_DEPTH = 3;

/** True for text that begins with headers of a MIME message. */
export function isMime(text: string): boolean {
  return /^(?:(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*|[ \t][^\n]*)\r?\n)*content-type:[ \t]*multipart\//i.test(text);
}

/**
 * Takes a MIME message apart (RFC 2045, RFC 2046), also nested ones, into its leaves.
 *
 * @throws AgentError DATASOURCE_FAILED for a message without boundary, with too many parts, or an unknown encoding.
 */
export function readMime(text: string, depth = 0): MimePart[] {
  const { headers, body } = splitHeaders(text);
  const contentType = headers.get('content-type') ?? 'text/plain';
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (!type.startsWith('multipart/')) return [{ type, bytes: decodeBody(body, headers) }];
  if (depth >= MAX_DEPTH) throw bad('is nested too deeply');
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  const mark = boundary?.[1] ?? boundary?.[2];
  if (mark === undefined) throw bad('has no boundary');
  const parts = splitParts(body, mark);
  if (parts.length > MAX_PARTS) throw bad(`has more than ${MAX_PARTS} parts`);
  const leaves = parts.flatMap((part) => readMime(part, depth + 1));
  if (leaves.length > MAX_PARTS) throw bad(`has more than ${MAX_PARTS} parts`);
  return leaves;
}

function splitHeaders(text: string): { headers: Map<string, string>; body: string } {
  const headers = new Map<string, string>();
  let last = '';
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end).replace(/\r$/, '');
    at = end < 0 ? text.length : end + 1;
    if (line === '') return { headers, body: text.slice(at) };
    const [, name, value] = /^([A-Za-z][A-Za-z0-9-]*):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      last = name.toLowerCase();
      headers.set(last, value ?? '');
    } else if (/^[ \t]/.test(line) && last !== '') {
      headers.set(last, `${headers.get(last) ?? ''} ${line.trim()}`);
    }
  }
  return { headers, body: '' };
}

function splitParts(body: string, mark: string): string[] {
  const parts: string[] = [];
  let current: string[] | undefined;
  for (const line of body.split('\n')) {
    const bare = line.trimEnd();
    if (bare === `--${mark}` || bare === `--${mark}--`) {
      // The line break before a boundary belongs to it.
      if (current) parts.push(current.join('\n'));
      if (bare.length > mark.length + 2) return parts;
      current = [];
    } else {
      current?.push(line);
    }
  }
  if (current) throw bad('is cut off');
  return parts;
}

function decodeBody(body: string, headers: ReadonlyMap<string, string>): Uint8Array {
  const encoding = (headers.get('content-transfer-encoding') ?? '').trim().toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64');
  if (encoding === 'quoted-printable') {
    const joined = body.replaceAll(/=\r?\n/g, '');
    const bytes = joined.replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(bytes, 'latin1');
  }
  if (['', '7bit', '8bit', 'binary'].includes(encoding)) return Buffer.from(body, 'latin1');
  throw bad('has a part with an unknown transfer encoding');
}

function bad(why: string): Error {
  return sourceFailed(`The user data is a MIME message that ${why}.`, 'Make it with cloud-init devel make-mime.');
}
