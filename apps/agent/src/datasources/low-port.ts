import { randomInt } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { MAX_USERDATA_BYTES } from './datasource.ts';
import { sourceFailed } from './failure.ts';

const TIMEOUT_MS = 5000;
const TRIES = 20;
const LOWEST = 600;
const HIGHEST = 1023;

/**
 * GET from a source port below 1024, which `fetch` cannot choose. Undefined for 404.
 *
 * @throws AgentError DATASOURCE_FAILED without root, and when no such port is free.
 */
export async function askFromLowPort(url: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askFrom(url, randomInt(LOWEST, HIGHEST + 1), signal);
    } catch (error) {
      signal.throwIfAborted();
      const code = (error as NodeJS.ErrnoException).code;
      const isTaken = code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL';
      if (isTaken && attempt < TRIES) continue;
      if (code === 'DATASOURCE_FAILED') throw error;
      const why = code === 'EACCES' ? 'only root may use a source port below 1024' : 'it does not answer';
      throw failed(url, why, error);
    }
  }
}

async function askFrom(url: string, localPort: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const asked = request(url, { localPort, agent: false, signal: limit }, resolve);
    asked.on('error', reject);
    asked.end();
  });
  if (response.statusCode !== 200) {
    response.destroy();
    if (response.statusCode === 404) return undefined;
    throw failed(url, `it answered with status ${response.statusCode}`);
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > MAX_USERDATA_BYTES) throw failed(url, `its answer has more than ${MAX_USERDATA_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function failed(url: string, why: string, cause?: unknown) {
  const hint = 'Run the agent as root, and check that the machine has a network.';
  return sourceFailed(`The metadata service ${new URL(url).origin}: ${why}.`, hint, cause);
}
