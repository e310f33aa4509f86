import type { IncomingMessage } from 'node:http';
import { CONFIG_LIMIT_BYTES } from '../config/config-text.ts';

/** A configuration as JSON may need two characters for one, and comes with little else. */
const BODY_LIMIT_BYTES = 2 * CONFIG_LIMIT_BYTES + 64 * 1024;

/** A request that cannot be answered: its HTTP status, and a sentence. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The body of a request; RequestError 413 beyond the limit, of which no more is read. */
async function readBody(request: IncomingMessage, limitBytes: number): Promise<string> {
  const tooLarge = new RequestError(413, `A request has ${limitBytes} bytes at most.`);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limitBytes) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The body as a JSON map of texts with exactly these fields; RequestError 400, 413 or 415 otherwise. */
export async function readFields<Field extends string>(
  request: IncomingMessage,
  fields: readonly Field[],
): Promise<Record<Field, string>> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new RequestError(415, 'The request must be JSON.');
  }
  const value = parse(await readBody(request, BODY_LIMIT_BYTES));
  const found = Object.entries(value);
  const good = found.length === fields.length && fields.every((field) => typeof value[field] === 'string');
  if (!good) throw new RequestError(400, `The request must have ${fields.join(', ') || 'no fields'}, as text.`);
  return value as Record<Field, string>;
}

/** One field of a form; '' when it is not there. */
export async function readFormField(request: IncomingMessage, field: string): Promise<string> {
  if (!/^application\/x-www-form-urlencoded\b/.test(request.headers['content-type'] ?? '')) {
    throw new RequestError(415, 'The request must be a form.');
  }
  return new URLSearchParams(await readBody(request, 4096)).get(field) ?? '';
}

/**
 * Whether the page itself sent a request that changes something: browsers say where such a request comes from, and scripts
 * of other sites may not set a header of ours. `script`: only requests of the page's script have that header.
 */
export function isOwnRequest({ headers }: IncomingMessage, kind: 'form' | 'script'): boolean {
  const { host, origin } = headers;
  if (host === undefined || origin !== `https://${host}`) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  return kind === 'form' || headers['x-bowline'] === '1';
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below, without the parser's excerpt of the text.
  }
  throw new RequestError(400, 'The request is not a JSON map.');
}
