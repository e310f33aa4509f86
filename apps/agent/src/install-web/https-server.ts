import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServerCertificate } from '../certificate/server-certificate.ts';

/** Limits on what strangers on the network may hold or wait for. Times in milliseconds. */
export interface ServerLimits {
  /** The handshake, and between two requests of a connection. */
  idleMs: number;
  /** All headers, then the whole request. */
  headersMs: number;
  requestMs: number;
  connections: number;
}

export const SERVER_LIMITS: ServerLimits = { idleMs: 10_000, headersMs: 10_000, requestMs: 30_000, connections: 64 };

/** A server that listens. */
export interface ListeningServer {
  port: number;
  close(): Promise<void>;
}

/** Listens on all addresses with TLS 1.2 or newer. Throws EADDRINUSE when somebody else does. */
export async function listen(
  options: { certificate: ServerCertificate; port: number; host?: string; limits: ServerLimits },
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ListeningServer> {
  const { limits, certificate } = options;
  const server = createServer({
    key: certificate.keyPem,
    cert: certificate.certificatePem,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.idleMs,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(1000, limits.headersMs / 2),
    maxHeaderSize: 16 * 1024,
  });
  server.maxConnections = limits.connections;
  server.maxHeadersCount = 64;
  // Strangers break off handshakes and send nonsense: no matter to write down.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('request', answer);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
