import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { runStage } from '../stages/run-stage.ts';
import { type Collected, collectConfig } from './collect.ts';

let test: TestMachine;
const servers: Server[] = [];

beforeEach(async () => {
  test = await makeTestMachine({ host: { env: { PLACE: 'harbour' } } });
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await test.remove();
});

const QUICK = { pauseMs: 1, stallMs: 200, timeoutMs: 3000 };
const BODY = '#cloud-config\nstages:\n  boot: [{files: [{path: /remote, content: yes}]}]\n';

async function listen<S extends Server>(server: S): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}

async function serve(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(listener))}`;
}

async function configure(url: string): Promise<void> {
  await mkdir(join(test.root, 'oem'), { recursive: true });
  await writeFile(join(test.root, 'oem/a.yaml'), `#cloud-config\nconfig_url: "${url}"\n`);
}

function collect(fetch: boolean): Promise<Collected> {
  return collectConfig(test.machine, { folders: ['/oem'], fetch, keep: true, limits: QUICK });
}

const stepsOf = ({ documents }: Collected) => documents.flatMap(({ stages }) => stages['boot'] ?? []);

describe('config_url', () => {
  it('is asked in the network stage, and what it said counts at the next start without the network', async () => {
    const base = await serve((_request, response) => response.end(BODY));
    await configure(`${base}/c.yaml`);
    await runStage('boot', test.machine, { limits: QUICK });
    expect(await readdir(test.root)).not.toContain('remote');
    await runStage('network', test.machine, { limits: QUICK });
    servers[0]?.closeAllConnections();
    servers[0]?.close();
    await runStage('boot', test.machine, { limits: QUICK });
    expect(await readFile(join(test.root, 'remote'), 'utf8')).toBe('yes');
  });

  it.each<[what: string, listener: RequestListener, reason: RegExp]>([
    ['404', (_q, r) => r.writeHead(404).end('#cloud-config\n'), /answered 404/],
    ['a server error', (_q, r) => r.writeHead(500).end(), /answered 500 \(tried 3 times\)/],
    ['a web page', (_q, r) => r.end('<!doctype html><title>Log in</title>'), /has no #cloud-config/],
    ['binary', (_q, r) => r.end(Buffer.from([0, 1, 2])), /no UTF-8 text/],
    ['nothing', (_q, r) => r.end(), /has no #cloud-config/],
    ['a list', (_q, r) => r.end('#cloud-config\n- a\n'), /a configuration is a map/],
    ['half of it', (_q, r) => r.end(`${BODY}users: [{\n`), /line/],
    ['too much', (_q, r) => r.end(`#cloud-config\n${'#'.repeat(2 ** 20)}`), /larger than/],
    ['a redirect loop', (q, r) => r.writeHead(302, { location: q.url }).end(), /redirects more than/],
    [
      'a redirect out of the web',
      (_q, r) => r.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      /no web address/,
    ],
    ['silence', () => undefined, /silent for 0.2 s \(tried 3 times\)/],
    ['a connection that breaks', (q) => q.socket.destroy(), /tried 3 times/],
    ['a template that is none', (_q, r) => r.end(`${BODY}hostname: {{ nope`), /./],
    ['a template of what is not there', (_q, r) => r.end(`${BODY}hostname: "{{ .Values.nothing.here }}"\n`), /./],
  ])('that answers with %s is replaced by its last good copy', async (_what, bad, reason) => {
    let listener: RequestListener = bad;
    const base = await serve((request, response) => listener(request, response));
    await configure(`${base.replace('//', '//ada:geheim@')}/c?token=geheim`);
    const without = await collect(true);
    expect(without.troubles).toMatchObject([{ source: `${base}/c`, reason: expect.stringMatching(reason) }]);
    listener = (_request, response) => response.end(BODY);
    expect((await collect(true)).troubles).toEqual([]);
    listener = bad;
    const collected = await collect(true);
    expect(collected.troubles).toMatchObject([{ source: `${base}/c`, lastGood: expect.any(String) }]);
    expect(stepsOf(collected)).toHaveLength(1);
    expect(JSON.stringify(collected.troubles)).not.toContain('geheim');
    const offline = await collect(false);
    expect(offline.troubles).toEqual([]);
    expect(stepsOf(offline)).toHaveLength(1);
  });

  it('is a template over the facts of the machine', async () => {
    const text = '#cloud-config\nname: {{ env "PLACE" | upper }}\n';
    const base = await serve((_request, response) => response.end(text));
    await configure(base);
    expect((await collect(true)).documents.map(({ name }) => name)).toContain('HARBOUR');
  });

  it('never talks to a server that it cannot verify', async (ctx) => {
    const pair = await selfSigned().catch(() => undefined);
    if (pair === undefined) return ctx.skip('needs openssl to make a certificate');
    const { key, cert } = pair;
    const asked: string[] = [];
    const server = createTlsServer({ key, cert }, (request, response) => {
      asked.push(request.url ?? '');
      response.end(BODY);
    });
    await configure(`https://127.0.0.1:${await listen(server)}/c`);
    const collected = await collect(true);
    expect(collected.troubles).toMatchObject([{ reason: expect.stringMatching(/certificate|self-signed/i) }]);
    expect(stepsOf(collected)).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('may name another one, but not for ever', async () => {
    const asked: string[] = [];
    const base = await serve((request, response) => {
      asked.push(request.url ?? '');
      response.end(`${BODY}config_url: http://${request.headers.host}/${asked.length % 10}\n`);
    });
    await configure(`${base}/0`);
    expect(stepsOf(await collect(true))).toHaveLength(4);
    expect(asked).toEqual(['/0', '/1', '/2', '/3']);
  });

  it('of the kernel command line comes before that of a file', async () => {
    const asked: string[] = [];
    const base = await serve((request, response) => {
      asked.push(request.url ?? '');
      response.end(BODY);
    });
    await configure(`${base}/file`);
    await mkdir(join(test.root, 'proc'));
    await writeFile(join(test.root, 'proc/cmdline'), `quiet config_url=${base}/line cos.setup=${base}/setup\n`);
    await collect(true);
    expect(asked).toEqual(['/line', '/setup']);
  });
});

/** A certificate that nobody vouches for. */
async function selfSigned(): Promise<{ key: Buffer; cert: Buffer }> {
  const [key, cert] = [join(test.root, 'key.pem'), join(test.root, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await nodeHost().processes.run({
    argv: ['openssl', 'req', ...form, ...subject, '-keyout', key, '-out', cert],
    timeoutMs: 20_000,
  });
  return { key: await readFile(key), cert: await readFile(cert) };
}
