import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A request, and how the server would answer if it were sound. */
export interface Asked {
  request: IncomingMessage;
  response: ServerResponse;
  /** `index`, `manifest`, or the digest of a blob. */
  what: string;
  /** Which request for the same thing this is, from 1 on. */
  count: number;
  bytes: Buffer;
  /** What of `bytes` was asked for. */
  start: number;
  end: number;
  status: 200 | 206;
}

/** Answers in a way of its own; false leaves it to the server. */
export type Misbehaviour = (asked: Asked) => boolean | Promise<boolean>;

/**
 * A real HTTP server for a release in a folder, both as a static web server (`url`) and as a registry (`reference`), with
 * misbehaviour as tests want it.
 */
export class ReleaseServer {
  folder: string;
  misbehave: Misbehaviour | undefined;
  /** Bytes of blobs that were sent. */
  sentBytes = 0;
  /** What was asked for, in order. */
  readonly seen: { what: string; range: string | undefined }[] = [];
  readonly #counts = new Map<string, number>();
  readonly #server: Server;

  private constructor(folder: string) {
    this.folder = folder;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(folder: string): Promise<ReleaseServer> {
    const made = new ReleaseServer(folder);
    await new Promise<void>((resolve) => {
      made.#server.listen(0, '127.0.0.1', resolve);
    });
    return made;
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}/releases/edge/`;
  }

  get reference(): string {
    return `${this.host}/releases/edge:1`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = await this.#find(request.url ?? '');
    if (found === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { what, bytes, mediaType } = found;
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    const range = request.headers.range;
    this.seen.push({ what, range });
    const [, first, last] = /^bytes=([0-9]+)-([0-9]+)$/.exec(range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = Math.min(bytes.length, Number(last ?? bytes.length) + 1);
    const asked: Asked = { request, response, what, count, bytes, start, end, status: range === undefined ? 200 : 206 };
    if (await this.misbehave?.(asked)) return;
    if (start >= bytes.length && bytes.length > 0) {
      response.writeHead(416).end();
      return;
    }
    answerSoundly(asked, { 'content-type': mediaType });
    this.sentBytes += end - start;
  }

  async #find(path: string): Promise<{ what: string; bytes: Buffer; mediaType: string } | undefined> {
    if (!/^\/(?:v2\/)?releases\/edge\//.test(path)) return undefined;
    const octets = 'application/octet-stream';
    const [, blob] = /(?:blobs\/sha256\/|blobs\/sha256:)([0-9a-f]{64})$/.exec(path) ?? [];
    if (blob !== undefined) return this.#file(`sha256:${blob}`, `blobs/sha256/${blob}`, octets);
    if (path === '/releases/edge/index.json') return this.#file('index', 'index.json', 'application/json');
    const [, manifest] = /^\/v2\/releases\/edge\/manifests\/(.+)$/.exec(path) ?? [];
    if (manifest === undefined) return undefined;
    const index = JSON.parse(await readFile(join(this.folder, 'index.json'), 'utf8')) as {
      manifests: { digest: string; mediaType: string }[];
    };
    const entry = manifest.startsWith('sha256:')
      ? index.manifests.find(({ digest }) => digest === manifest)
      : index.manifests[0];
    return entry && this.#file('manifest', `blobs/sha256/${entry.digest.slice(7)}`, entry.mediaType);
  }

  async #file(what: string, path: string, mediaType: string) {
    const bytes = await readFile(join(this.folder, path)).catch(() => undefined);
    return bytes && { what, bytes, mediaType };
  }
}

/** Headers and bytes as they should be. */
export function answerSoundly(asked: Asked, headers: Record<string, string> = {}): void {
  const { response, bytes, start, end } = asked;
  writeHead(asked, end - start, headers);
  response.end(bytes.subarray(start, end));
}

/** The headers of a sound answer with this length. */
export function writeHead({ response, bytes, start, end, status }: Asked, length: number, headers = {}): void {
  const range = status === 206 ? { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` } : {};
  response.writeHead(status, { 'content-length': length, ...range, ...headers });
}
