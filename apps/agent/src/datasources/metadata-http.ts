import { setTimeout } from 'node:timers/promises';
import { AgentError } from '../error.ts';
import { type DatasourceContext, MAX_USERDATA_BYTES } from './datasource.ts';
import { sourceFailed } from './failure.ts';

/** A request to a metadata service. */
export interface MetadataRequest {
  method?: 'GET' | 'PUT';
  headers?: Readonly<Record<string, string>>;
}

/** A service answers at once or is not there: it is one hop away. */
const REQUEST_TIMEOUT_MS = 5000;
const TRIES = 3;

/**
 * Asks a metadata service. Undefined means 404 (or 204): there is no such thing. Redirects are refused; a service that
 * does not answer, or says 429 or 5xx, is asked three times.
 *
 * @throws AgentError DATASOURCE_FAILED; the message names the service, never the answer.
 */
export async function askBytes(
  context: DatasourceContext,
  url: string,
  request: MetadataRequest = {},
): Promise<Uint8Array | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(context, url, request);
    } catch (error) {
      context.signal.throwIfAborted();
      const isFinal = error instanceof AgentError && error.details?.['isFinal'] === true;
      if (isFinal || attempt >= TRIES) throw error;
    }
    await setTimeout(context.retryPauseMs * attempt, undefined, { signal: context.signal });
  }
}

/** As {@link askBytes}, as text without blanks around it; undefined when it is empty too. */
export async function askText(
  context: DatasourceContext,
  url: string,
  request: MetadataRequest = {},
): Promise<string | undefined> {
  const bytes = await askBytes(context, url, request);
  const text = bytes === undefined ? '' : Buffer.from(bytes).toString('utf8').trim();
  return text === '' ? undefined : text;
}

/** As {@link askBytes}, as parsed JSON. */
export async function askJson(
  context: DatasourceContext,
  url: string,
  request: MetadataRequest = {},
): Promise<unknown> {
  const text = await askText(context, url, request);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Without the cause: a JSON error quotes the text.
    throw failed(url, 'its answer is no JSON', true);
  }
}

async function askOnce(
  context: DatasourceContext,
  url: string,
  request: MetadataRequest,
): Promise<Uint8Array | undefined> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
  let response: Response;
  try {
    const { method = 'GET', headers = {} } = request;
    response = await context.machine.fetch(url, { method, headers, redirect: 'manual', signal });
  } catch (cause) {
    throw failed(url, 'it does not answer', false, cause);
  }
  if (response.status === 404 || response.status === 204) {
    await response.body?.cancel();
    return undefined;
  }
  if (response.status !== 200) {
    await response.body?.cancel();
    const isBusy = response.status === 429 || response.status >= 500;
    throw failed(url, `it answered with status ${response.status}`, !isBusy);
  }
  return readBody(response, url);
}

async function readBody(response: Response, url: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > MAX_USERDATA_BYTES) throw failed(url, `its answer has more than ${MAX_USERDATA_BYTES} bytes`, true);
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof AgentError ? error : failed(url, 'its answer broke off', false, error);
  }
  return Buffer.concat(parts);
}

function failed(url: string, why: string, isFinal: boolean, cause?: unknown): AgentError {
  const { origin, pathname } = new URL(url);
  return new AgentError({
    ...{ code: 'DATASOURCE_FAILED', message: `The metadata service ${origin} (${pathname}): ${why}.` },
    hint: 'Check that the machine is in that cloud, has a network, and that the service is switched on for it.',
    details: { isFinal },
    cause,
  });
}

/** The error of a service that answers, but not what it should. */
export function oddAnswer(service: string, what: string): AgentError {
  return sourceFailed(`The metadata service of ${service} gave ${what}.`, 'Try again, or name another source.');
}
