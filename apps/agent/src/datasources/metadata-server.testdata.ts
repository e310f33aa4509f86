import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server answers to a path: text, JSON, a status, or whatever a function of the request says. */
export type ServerAnswer = string | Uint8Array | object | number | ((request: IncomingMessage) => ServerAnswer);

/** A metadata service on this machine. */
export interface MetadataServer {
  url: string;
  /** `METHOD path` of every request so far. */
  seen: string[];
  stop(): Promise<void>;
}

/** Starts a service that answers these paths (`/a?b`, or `PUT /a`), and 404 to all others. */
export async function startMetadataServer(answers: Readonly<Record<string, ServerAnswer>>): Promise<MetadataServer> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const asked = `${request.method} ${request.url}`;
    seen.push(asked);
    let answer = answers[asked] ?? answers[request.url ?? ''] ?? 404;
    if (typeof answer === 'function') answer = answer(request) as Exclude<ServerAnswer, () => ServerAnswer>;
    if (typeof answer === 'number') {
      if (answer > 0) response.writeHead(answer, { location: '/elsewhere' }).end();
      // Zero: never answers.
      return;
    }
    const isBytes = typeof answer === 'string' || answer instanceof Uint8Array;
    response.end(isBytes ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
