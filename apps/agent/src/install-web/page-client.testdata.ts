import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeInstallEngine } from '../install-choice/fake-engine.testdata.ts';
import { makeTestMachine, type TestFiles } from '../machine/test-machine.testdata.ts';
import type { Announcement } from './announcement.ts';
import { SERVER_LIMITS, type ServerLimits } from './https-server.ts';
import { type ServeOutcome, serveInstallation } from './serve-installation.ts';

/** An answer, read to its end. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** What a request carries besides its path. */
export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** A page that is served on loopback, by real TLS, with an engine that writes nothing. */
export interface ServedPage {
  engine: FakeInstallEngine;
  port: number;
  origin: string;
  announced: Announcement[];
  said: string[];
  /** Adds to the clock of codes and sessions. */
  wait(ms: number): void;
  ask(path: string, ask?: Ask): Promise<Answer>;
  /** Gives the code; the cookie of the session. */
  logIn(): Promise<string>;
  /** Asks as the page's script does. */
  post(path: string, fields: object, cookie: string): Promise<Answer>;
  outcome: Promise<ServeOutcome>;
  stop(): Promise<void>;
}

export async function servePage(
  options: { limits?: Partial<ServerLimits>; farewellMs?: number; files?: TestFiles } = {},
): Promise<ServedPage> {
  const engine = new FakeInstallEngine();
  const stopper = new AbortController();
  const made = await makeTestMachine({
    signal: stopper.signal,
    ...(options.files === undefined ? {} : { files: options.files }),
  });
  const announced: Announcement[] = [];
  const said: string[] = [];
  let offset = 0;
  let port = 0;
  const outcome = serveInstallation({
    machine: made.machine,
    engine,
    version: '1.0',
    port: 0,
    host: '127.0.0.1',
    limits: { ...SERVER_LIMITS, ...options.limits },
    farewellMs: options.farewellMs ?? 0,
    say: (line) => void said.push(line),
    addresses: () => ['127.0.0.1'],
    announce: async (announcement) => void announced.push(announcement),
    now: () => performance.now() + offset,
    onReady: (ready) => void (port = ready),
  });
  while (port === 0 || announced.length === 0) await sleep(5);
  const origin = `https://127.0.0.1:${port}`;
  const ask = (path: string, more: Ask = {}) =>
    readAnswer(request(`${origin}${path}`, requestOptions(more)), more.body);
  const page: ServedPage = {
    engine,
    port,
    origin,
    announced,
    said,
    outcome,
    wait: (ms) => void (offset += ms),
    ask,
    logIn: async () => {
      const form = { origin, 'content-type': 'application/x-www-form-urlencoded' };
      const body = new URLSearchParams({ code: announced.at(-1)?.code ?? '' }).toString();
      const { headers } = await ask('/login', { method: 'POST', headers: form, body });
      return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    },
    post: (path, fields, cookie) =>
      ask(path, {
        method: 'POST',
        headers: { origin, cookie, 'content-type': 'application/json', 'x-bowline': '1' },
        body: JSON.stringify(fields),
      }),
    stop: async () => {
      stopper.abort();
      await outcome;
      await made.remove();
    },
  };
  return page;
}

function requestOptions({ method = 'GET', headers = {} }: Ask): object {
  return { method, headers, rejectUnauthorized: false, agent: false };
}

function readAnswer(sent: ClientRequest, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => void chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.end(body);
  });
}
