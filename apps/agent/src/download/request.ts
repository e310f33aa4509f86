import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { trustMachineCertificates } from './certificates.ts';
import { describeUrl, parseWebAddress, splitCredentials } from './web-address.ts';

/** Limits of one download. Times are milliseconds. */
export interface DownloadOptions {
  /** For everything, all tries and pauses included. Default 60 s for texts, 30 minutes for files. */
  timeoutMs?: number | undefined;
  /** Longest silence of the server, before the answer or in the middle of it; then the next try. Default 30 s. */
  stallMs?: number | undefined;
  /** Longest body. Default 10 MiB for texts, 16 GiB for files. */
  maxBytes?: number | undefined;
  /** Default 4. What cannot get better (404, a wrong certificate) is not tried again. */
  tries?: number | undefined;
  /** Pause before the second try; it doubles each time. Default 1 s. */
  pauseMs?: number | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
}

/** An answer 200; reading `body` fails when the server falls silent or sends more than allowed. */
export interface Reply {
  headers: Headers;
  body: AsyncIterable<Uint8Array>;
}

const MAX_REDIRECTS = 10;
const MAX_PAUSE_MS = 30_000;
const DEFAULT_STALL_MS = 30_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A failure that may pass; the server may have said after how many milliseconds. */
export class PassingFailure extends Error {
  readonly pauseMs: number | undefined;

  constructor(message: string, pauseMs?: number, cause?: unknown) {
    super(message, { cause });
    this.pauseMs = pauseMs;
  }
}

/**
 * Fetches `url` and hands the answer to `read`, again if need be: `read` must start anew each time. Certificates are
 * always verified; a redirect never leads from https to http. Throws AgentError DOWNLOAD_FAILED, or what `read` throws.
 */
export async function request<T>(
  machine: Machine,
  url: string,
  options: DownloadOptions & { timeoutMs: number; maxBytes: number },
  read: (reply: Reply) => Promise<T>,
): Promise<T> {
  const address = parseWebAddress(url);
  if (address.protocol === 'https:') await trustMachineCertificates(machine);
  const deadline = AbortSignal.any([machine.signal, AbortSignal.timeout(options.timeoutMs)]);
  const tries = Math.max(1, options.tries ?? 4);
  let pauseMs = options.pauseMs ?? 1000;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptOnce(machine, address, { ...options, deadline }, read);
    } catch (error) {
      if (deadline.aborted) throw stopped(machine, address, options.timeoutMs, error);
      if (!(error instanceof PassingFailure)) throw error;
      if (attempt >= tries)
        throw downloadFailed(address, `${error.message} (tried ${attempt} times)`, undefined, error);
      const wait = Math.min(MAX_PAUSE_MS, Math.max(pauseMs, error.pauseMs ?? 0));
      pauseMs *= 2;
      await sleep(wait, undefined, { signal: deadline }).catch((cause: unknown) => {
        throw stopped(machine, address, options.timeoutMs, cause);
      });
    }
  }
}

interface AttemptLimits extends DownloadOptions {
  maxBytes: number;
  deadline: AbortSignal;
}

async function attemptOnce<T>(
  machine: Machine,
  address: URL,
  limits: AttemptLimits,
  read: (reply: Reply) => Promise<T>,
): Promise<T> {
  const stall = new AbortController();
  const stallMs = limits.stallMs ?? DEFAULT_STALL_MS;
  const timer = setTimeout(() => stall.abort(), stallMs);
  const signal = AbortSignal.any([limits.deadline, stall.signal]);
  try {
    const response = await ask(machine, address, limits, signal);
    const body = receive(response, address, limits.maxBytes, () => timer.refresh());
    return await read({ headers: response.headers, body });
  } catch (error) {
    if (stall.signal.aborted)
      throw new PassingFailure(`the server was silent for ${stallMs / 1000} s`, undefined, error);
    throw error;
  } finally {
    clearTimeout(timer);
    // Whatever was not read is not wanted.
    stall.abort();
  }
}

/**
 * Sends one request, redirects followed and login sent as `request` does, without a time limit. Throws PassingFailure for
 * what may pass and AgentError DOWNLOAD_FAILED for what does not; any status but 200 and `otherStatus` is a failure.
 */
export async function ask(
  machine: Machine,
  from: URL,
  options: Pick<DownloadOptions, 'headers'> & { otherStatus?: number },
  signal: AbortSignal,
): Promise<Response> {
  let { url, authorization } = splitCredentials(from);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await send(machine, url, authorization, options, signal);
    const location = response.headers.get('location');
    if (!REDIRECTS.has(response.status) || location === null) {
      if (response.status !== options.otherStatus) await checkStatus(response, from);
      return response;
    }
    await response.body?.cancel().catch(() => undefined);
    const next = splitCredentials(redirectTarget(from, url, location)).url;
    if (next.origin !== url.origin) authorization = undefined;
    url = next;
  }
  throw downloadFailed(from, `it redirects more than ${MAX_REDIRECTS} times`, 'The server is set up in a circle.');
}

async function send(
  machine: Machine,
  url: URL,
  authorization: string | undefined,
  limits: Pick<DownloadOptions, 'headers'>,
  signal: AbortSignal,
): Promise<Response> {
  // `identity`: sizes in the headers are then those of the file.
  const headers = new Headers({ 'user-agent': 'bowline', 'accept-encoding': 'identity', ...limits.headers });
  if (authorization !== undefined) headers.set('authorization', authorization);
  try {
    return await machine.fetch(url, { headers, redirect: 'manual', signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw networkFailure(url, error);
  }
}

function redirectTarget(from: URL, at: URL, location: string): URL {
  const target = URL.parse(location, at);
  if (target === null || !['http:', 'https:'].includes(target.protocol)) {
    throw downloadFailed(from, 'it redirects to something that is no web address');
  }
  if (at.protocol === 'https:' && target.protocol === 'http:') {
    throw downloadFailed(from, 'it redirects from https to plain http', 'Anybody on the way could change the content.');
  }
  return target;
}

async function checkStatus(response: Response, from: URL): Promise<void> {
  if (response.status === 200) return;
  await response.body?.cancel().catch(() => undefined);
  if (PASSING_STATUS.has(response.status)) {
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    throw new PassingFailure(
      `the server answered ${response.status}`,
      Number.isFinite(seconds) ? seconds * 1000 : undefined,
    );
  }
  const hints: Record<number, string> = {
    401: 'It wants a login: the credentials are missing or wrong.',
    403: 'The server refuses: the credentials are missing or wrong.',
    404: 'Check the address.',
    410: 'Check the address.',
  };
  throw downloadFailed(from, `the server answered ${response.status}`, hints[response.status]);
}

async function* receive(
  response: Response,
  from: URL,
  maxBytes: number,
  onChunk: () => void,
): AsyncGenerator<Uint8Array> {
  const tooLarge = () =>
    downloadFailed(from, `it is larger than ${maxBytes} bytes`, 'This is more than is accepted from there.');
  const announced = Number(response.headers.get('content-length') ?? Number.NaN);
  if (announced > maxBytes) throw tooLarge();
  let sizeBytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      onChunk();
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw tooLarge();
      yield chunk;
    }
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new PassingFailure('the connection broke off', undefined, error);
  }
  if (sizeBytes < announced) throw new PassingFailure('the connection broke off');
}

const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved at the moment',
  ECONNREFUSED: 'the server refused the connection',
  ECONNRESET: 'the connection broke off',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to the server',
  ETIMEDOUT: 'the server does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'the server does not answer',
  UND_ERR_SOCKET: 'the connection broke off',
};

function networkFailure(url: URL, error: unknown): Error {
  const code = causeCode(error);
  if (/^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/.test(code)) {
    const hint = code.startsWith('CERT_NOT_YET_VALID')
      ? 'The clock of this machine may be wrong.'
      : 'Certificates are always verified. A private authority belongs into the image (/etc/ssl/certs).';
    return downloadFailed(url, `its certificate is not valid (${code})`, hint, error);
  }
  return new PassingFailure(NETWORK_REASONS[code] ?? 'the request failed', undefined, error);
}

function causeCode(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : undefined;
    if (code !== undefined) return code;
    if (at instanceof AggregateError && at.errors[0] instanceof Error) return causeCode(at.errors[0]);
  }
  return '';
}

function stopped(machine: Machine, address: URL, timeoutMs: number, cause: unknown): AgentError {
  const why = machine.signal.aborted ? 'it was stopped' : `it did not finish within ${timeoutMs / 1000} s`;
  return downloadFailed(address, why, undefined, cause);
}

/** The cure of a download that a stage does. */
export const STAGE_HINT = 'It will be tried again when the stage runs next.';

/** DOWNLOAD_FAILED for an address; the message holds neither its credentials nor its query. */
export function downloadFailed(address: URL, why: string, hint?: string, cause?: unknown): AgentError {
  return new AgentError({
    code: 'DOWNLOAD_FAILED',
    message: `cannot download ${describeUrl(address)}: ${why}`,
    hint: hint ?? STAGE_HINT,
    cause,
  });
}
