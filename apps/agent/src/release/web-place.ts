import { trustMachineCertificates } from '../download/certificates.ts';
import { ask, downloadFailed, PassingFailure, STAGE_HINT } from '../download/request.ts';
import { describeUrl, parseWebAddress } from '../download/web-address.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import type { BlobStream, ByteRange } from './contract.ts';
import type { BlobWish, RawDocument, ReleasePlace } from './place.ts';
import { retrying, type TransferLimits } from './transfer.ts';
import { watchStalls } from './watch-stalls.ts';

const MAX_DOCUMENT_BYTES = 4 * 2 ** 20;

/** A release on a web server that serves a folder of the OCI image layout as files; `#tag` names an entry of its index. */
export function webPlace(machine: Machine, url: string, limits: TransferLimits): ReleasePlace {
  const base = parseWebAddress(url);
  const tag = base.hash === '' ? undefined : decodeURIComponent(base.hash.slice(1));
  base.hash = '';
  if (!base.pathname.endsWith('/')) base.pathname = base.pathname.replace(/\/index\.json$/, '') + '/';
  const addressOf = (path: string): URL => {
    const address = new URL(base);
    address.pathname += path;
    return address;
  };
  const blobAddress = ({ digest }: BlobWish) => addressOf(`blobs/sha256/${digest.slice('sha256:'.length)}`);
  const readOnce = async (address: URL, signal: AbortSignal): Promise<RawDocument> => {
    const { bytes, mediaType } = await openUrl(machine, address, undefined, limits, signal);
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of bytes) {
      size += piece.length;
      if (size > MAX_DOCUMENT_BYTES)
        throw explain(downloadFailed(address, `it is larger than ${MAX_DOCUMENT_BYTES} bytes`));
      pieces.push(piece);
    }
    return { bytes: Buffer.concat(pieces), mediaType };
  };
  const readWhole = (address: URL, signal: AbortSignal) =>
    retrying(limits, describeUrl(address), signal, () => readOnce(address, signal));
  return {
    origin: describeUrl(base),
    isPlainHttp: base.protocol === 'http:',
    tag,
    root: (signal) => readWhole(addressOf('index.json'), signal),
    manifest: async (wish, signal) => (await readWhole(blobAddress(wish), signal)).bytes,
    open: (wish, range, signal) => openUrl(machine, blobAddress(wish), range, limits, signal),
  };
}

async function openUrl(
  machine: Machine,
  address: URL,
  range: ByteRange | undefined,
  limits: TransferLimits,
  signal: AbortSignal,
): Promise<BlobStream & { mediaType: string | undefined }> {
  if (address.protocol === 'https:') await trustMachineCertificates(machine);
  const stop = new AbortController();
  const silence = setTimeout(() => stop.abort(), limits.stallMs);
  const both = AbortSignal.any([signal, stop.signal]);
  try {
    const headers: Record<string, string> =
      range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` };
    const response = await ask(machine, address, { headers, otherStatus: range === undefined ? 200 : 206 }, both);
    const start = response.status === 206 ? contentStart(response, range?.start ?? 0) : 0;
    const bytes = watchStalls(response.body, limits, stop, signal);
    return { start, bytes, mediaType: response.headers.get('content-type') ?? undefined };
  } catch (error) {
    if (stop.signal.aborted && !signal.aborted) {
      throw new PassingFailure(`the server was silent for ${limits.stallMs / 1000} s`, undefined, error);
    }
    throw explain(error);
  } finally {
    clearTimeout(silence);
  }
}

/** What a download says, for people who upgrade: no stage will try again. */
function explain(error: unknown): unknown {
  if (!(error instanceof AgentError) || error.code !== 'DOWNLOAD_FAILED') return error;
  const { message, hint } = error;
  return new AgentError({
    code: 'SOURCE_UNAVAILABLE',
    message: `${message.slice(0, 1).toUpperCase()}${message.slice(1)}.`,
    hint: hint === STAGE_HINT ? 'Check the address and the network, and run the command again.' : hint,
    cause: error,
  });
}

/** Where the bytes of a 206 begin (RFC 9110 section 14.4). */
function contentStart(response: Response, asked: number): number {
  const start = Number(/^bytes ([0-9]{1,15})-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
  if (start === asked) return start;
  void response.body?.cancel().catch(() => undefined);
  throw new PassingFailure('the server answered with another range than it was asked for');
}
