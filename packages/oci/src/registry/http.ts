import type { Host } from '@bowline/host';
import { OciError } from '../error.ts';
import { networkFailure, StallError } from './failures.ts';
import type { TransferLimits } from './options.ts';

/** One request; `body` is called anew for every try, so that it can be repeated. */
export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: URL;
  headers?: Readonly<Record<string, string>>;
  /** Sent to the origin of `url` only, never after a redirect to another one. */
  authorization?: string | undefined;
  body?: (() => Uint8Array | AsyncIterable<Uint8Array>) | undefined;
  signal?: AbortSignal | undefined;
  /** Overrides the limit; 0 refuses to be redirected at all. */
  maxRedirects?: number;
}

/** An answer whose body is still on the wire: read it with `readChunks` or `readAll`, or `discard` it. */
export interface HttpReply {
  status: number;
  headers: Headers;
  /** Where the answer came from, after redirects. */
  url: URL;
  body: ReadableStream<Uint8Array> | null;
  abort: (reason: Error) => void;
  discard: () => Promise<void>;
}

export interface HttpContext {
  fetch: Host['fetch'];
  limits: TransferLimits;
  /** True for a host (`host` or `host:port`) for which plain HTTP was asked for. */
  allowsPlainHttp: (host: string) => boolean;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Sends one request and follows redirects itself, because `fetch` would follow any: plain HTTP is refused unless asked for, and the
 * authorization header stays with its origin. Throws OciError REGISTRY_UNREACHABLE or PLAIN_HTTP_REFUSED; an abort by the caller
 * is rethrown as it is. No retries here.
 */
export async function sendRequest(context: HttpContext, request: HttpRequest): Promise<HttpReply> {
  const origin = request.url.origin;
  const maxRedirects = request.maxRedirects ?? context.limits.maxRedirects;
  let url = request.url;
  let authorization = request.authorization;
  for (let hop = 0; ; hop += 1) {
    const reply = await sendOnce(context, request, url, authorization);
    const location = reply.headers.get('location');
    const mayRepeat =
      request.method === 'GET' || request.method === 'HEAD' || reply.status === 307 || reply.status === 308;
    if (!REDIRECTS.has(reply.status) || location === null || !mayRepeat) return reply;
    await reply.discard();
    if (hop >= maxRedirects) {
      throw new OciError({
        code: 'REGISTRY_UNREACHABLE',
        message: `${request.url.host} redirects more than ${maxRedirects} times.`,
        hint: 'The registry or a proxy in front of it is set up in a circle.',
      });
    }
    url = redirectTarget(context, url, location);
    if (url.origin !== origin) authorization = undefined;
  }
}

function redirectTarget(context: HttpContext, from: URL, location: string): URL {
  const target = URL.parse(location, from);
  if (target === null || (target.protocol !== 'https:' && target.protocol !== 'http:')) {
    throw new OciError({
      code: 'REGISTRY_UNREACHABLE',
      message: `${from.host} redirects to something that is no web address.`,
      hint: 'The registry is set up wrongly; tell its operator.',
    });
  }
  // Credentials in an address would be sent on; a server has no business to choose ours.
  target.username = '';
  target.password = '';
  if (target.protocol === 'http:') requirePlainHttp(context, target.host, `${from.host} redirects to`);
  return target;
}

/** Throws PLAIN_HTTP_REFUSED unless plain HTTP was asked for with this host. `subject` starts the sentence: "X redirects to". */
export function requirePlainHttp(context: Pick<HttpContext, 'allowsPlainHttp'>, host: string, subject: string): void {
  if (context.allowsPlainHttp(host)) return;
  throw new OciError({
    code: 'PLAIN_HTTP_REFUSED',
    message: `${subject} ${host} by plain HTTP, which is used only when asked for.`,
    hint: `If you trust the network in between, allow plain HTTP with --plain-http ${host}.`,
    details: { host },
  });
}

async function sendOnce(
  context: HttpContext,
  request: HttpRequest,
  url: URL,
  authorization: string | undefined,
): Promise<HttpReply> {
  request.signal?.throwIfAborted();
  const controller = new AbortController();
  const signal =
    request.signal === undefined ? controller.signal : AbortSignal.any([request.signal, controller.signal]);
  // A body counts as part of the request: it may take as long as it moves, so the clock restarts with every chunk sent.
  const timer = startTimer(controller, context.limits.requestTimeoutMs);
  // `identity`: otherwise fetch asks for gzip and unpacks it, and digests and ranges would be of other bytes.
  const headers = new Headers({ 'user-agent': 'bowline', 'accept-encoding': 'identity', ...request.headers });
  if (authorization !== undefined) headers.set('authorization', authorization);
  try {
    const body = request.body?.();
    const response = await context.fetch(url, {
      method: request.method,
      headers,
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : bodyInit(body, timer.restart)),
    });
    return {
      status: response.status,
      headers: response.headers,
      url,
      body: response.body,
      abort: (reason) => controller.abort(reason),
      discard: async () => {
        controller.abort(new StallError('discarded'));
        await response.body?.cancel().catch(() => undefined);
      },
    };
  } catch (cause) {
    request.signal?.throwIfAborted();
    throw networkFailure(url.host, cause);
  } finally {
    timer.stop();
  }
}

function startTimer(controller: AbortController, timeoutMs: number): { restart: () => void; stop: () => void } {
  const fire = (): void => controller.abort(new StallError(`no answer came within ${timeoutMs} ms`));
  let timer = setTimeout(fire, timeoutMs);
  return {
    restart: () => {
      clearTimeout(timer);
      timer = setTimeout(fire, timeoutMs);
    },
    stop: () => clearTimeout(timer),
  };
}

function bodyInit(body: Uint8Array | AsyncIterable<Uint8Array>, onChunk: () => void): RequestInit {
  if (body instanceof Uint8Array) return { body: body as Uint8Array<ArrayBuffer> };
  return { body: ReadableStream.from(watchChunks(body, onChunk)), duplex: 'half' } as RequestInit;
}

async function* watchChunks(body: AsyncIterable<Uint8Array>, onChunk: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    onChunk();
    yield chunk;
  }
}

/**
 * Chunks of a body. Fails with StallError when waiting for `stallTimeoutMs` brought less than `stallMinBytes`: that ends silent
 * connections and trickling ones alike. Time the consumer takes does not count. Leaving early closes the connection.
 */
export async function* readChunks(reply: HttpReply, limits: TransferLimits): AsyncGenerator<Uint8Array> {
  if (reply.body === null) return;
  const reader = reply.body.getReader();
  let waitedMs = 0;
  let windowBytes = 0;
  let finished = false;
  try {
    for (;;) {
      const startMs = performance.now();
      const timer = setTimeout(
        () =>
          reply.abort(
            new StallError(`it sent less than ${limits.stallMinBytes} bytes within ${limits.stallTimeoutMs} ms`),
          ),
        Math.max(1, limits.stallTimeoutMs - waitedMs),
      );
      const part = await reader.read().finally(() => clearTimeout(timer));
      if (part.done) {
        finished = true;
        return;
      }
      waitedMs += performance.now() - startMs;
      windowBytes += part.value.length;
      if (windowBytes >= limits.stallMinBytes) {
        waitedMs = 0;
        windowBytes = 0;
      }
      yield part.value;
    }
  } finally {
    if (!finished) await reply.discard();
  }
}

/** A whole small body; throws TOO_LARGE beyond `maxBytes`, and never holds more than that. */
export async function readAll(
  reply: HttpReply,
  limits: TransferLimits,
  maxBytes: number,
  what: string,
): Promise<Uint8Array> {
  const declared = Number(reply.headers.get('content-length') ?? 0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const tooLarge = (): OciError =>
    new OciError({
      code: 'TOO_LARGE',
      message: `${what} is larger than ${maxBytes} bytes.`,
      hint: 'Check the reference; this is hardly a container image.',
    });
  if (declared > maxBytes) {
    await reply.discard();
    throw tooLarge();
  }
  for await (const chunk of readChunks(reply, limits)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
