import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { digestOf } from '../digest.ts';

/** Takes over one request when it returns true. */
export type Intercept = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean | Promise<boolean>;

/** What a request looked like, for assertions. */
export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
}

/**
 * A small registry on loopback whose failures a test chooses: content by path, everything else through `intercept`.
 * It knows pulls with ranges; pushes are tested against a real registry.
 */
export class FakeRegistry {
  readonly seen: SeenRequest[] = [];
  readonly blobs = new Map<string, Uint8Array>();
  readonly manifests = new Map<string, { mediaType: string; bytes: Uint8Array }>();
  intercept: Intercept = () => false;
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      this.handle(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<FakeRegistry> {
    const registry = new FakeRegistry();
    await new Promise<void>((resolve) => {
      registry.server.listen(0, '127.0.0.1', resolve);
    });
    return registry;
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  /** Stores a manifest under its digest, and under a tag when one is given. */
  putManifest(mediaType: string, document: unknown, tag?: string): { digest: string; size: number; mediaType: string } {
    const bytes = document instanceof Uint8Array ? document : new TextEncoder().encode(JSON.stringify(document));
    const digest = digestOf(bytes);
    this.manifests.set(digest, { mediaType, bytes });
    if (tag !== undefined) this.manifests.set(tag, { mediaType, bytes });
    return { digest, size: bytes.length, mediaType };
  }

  putBlob(bytes: Uint8Array): { digest: string; size: number } {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${this.host}`);
    this.seen.push({ method: request.method ?? '', path: `${url.pathname}${url.search}`, headers: request.headers });
    if (await this.intercept(request, response, url)) return;
    const match = /^\/v2\/(?:.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname);
    const [, kind, name = ''] = match ?? [];
    const manifest = kind === 'manifests' ? this.manifests.get(name) : undefined;
    if (manifest !== undefined) {
      response.writeHead(200, {
        'content-type': manifest.mediaType,
        'docker-content-digest': digestOf(manifest.bytes),
      });
      response.end(manifest.bytes);
      return;
    }
    const blob = kind === 'blobs' ? this.blobs.get(name) : undefined;
    if (blob !== undefined) {
      sendBlob(request, response, blob);
      return;
    }
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN', message: 'no such thing' }] }));
  }
}

/** Answers as a registry with range support does; `end` cuts the body short. */
export function sendBlob(
  request: IncomingMessage,
  response: ServerResponse,
  blob: Uint8Array,
  end = blob.length,
): void {
  const asked = /^bytes=([0-9]+)-([0-9]*)$/.exec(request.headers.range ?? '');
  const start = Number(asked?.[1] ?? 0);
  if (start >= blob.length && start > 0) {
    response.writeHead(416).end();
    return;
  }
  const rest = blob.subarray(start, asked?.[2] ? Number(asked[2]) + 1 : blob.length);
  const range = asked === null ? {} : { 'content-range': `bytes ${start}-${start + rest.length - 1}/${blob.length}` };
  response.writeHead(asked === null ? 200 : 206, { 'content-length': rest.length, ...range });
  if (end >= start + rest.length) response.end(rest);
  else response.write(blob.subarray(start, end), () => setTimeout(() => response.destroy(), 20));
}
