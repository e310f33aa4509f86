import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { downloadFile, downloadText } from './download.ts';

let test: TestMachine;
let server: Server | undefined;
const attributes = () => ({ mode: 0o644, owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } });

async function serve(listener: RequestListener): Promise<string> {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', () => resolve()));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await test.remove();
});

const QUICK = { pauseMs: 1, timeoutMs: 5000 };

describe('a text', () => {
  it('is what the server says', async () => {
    const base = await serve((_request, response) => response.end('#cloud-config\n'));
    expect(await downloadText(test.machine, `${base}/config`)).toBe('#cloud-config\n');
  });

  it('comes after failures that pass', async () => {
    let requests = 0;
    const base = await serve((request, response) => {
      requests += 1;
      if (requests === 1) request.socket.destroy();
      else if (requests === 2) response.writeHead(503).end();
      else if (requests === 3)
        response.writeHead(200, { 'content-length': '100' }).write('torn', () => request.socket.destroy());
      else response.end('at last');
    });
    expect(await downloadText(test.machine, base, QUICK)).toBe('at last');
  });

  it('sends the credentials of the address to its server only', async () => {
    const seen: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/a') response.writeHead(302, { location: '/b' }).end();
      else if (request.url === '/b') {
        response.writeHead(302, { location: `http://localhost:${request.socket.localPort}/c` }).end();
      } else response.end('ok');
    });
    await downloadText(test.machine, `${base.replace('//', '//ada:s%40crt@')}/a`);
    const basic = `Basic ${Buffer.from('ada:s@crt').toString('base64')}`;
    expect(seen).toEqual([basic, basic, undefined]);
  });

  it.each<[what: string, listener: RequestListener, message: RegExp]>([
    ['404', (_q, r) => r.writeHead(404).end(), /answered 404$/],
    ['a server that never recovers', (_q, r) => r.writeHead(500).end(), /answered 500 \(tried 4 times\)/],
    ['a redirect loop', (q, r) => r.writeHead(302, { location: q.url }).end(), /redirects more than 10 times/],
    ['a redirect to a file', (_q, r) => r.writeHead(302, { location: 'file:///etc/shadow' }).end(), /no web address/],
    ['too much, announced', (_q, r) => r.writeHead(200, { 'content-length': '99999' }).end(), /larger than 1000 bytes/],
    ['too much, unannounced', (_q, r) => r.end('x'.repeat(2000)), /larger than 1000 bytes|tried/],
    ['binary', (_q, r) => r.end(Buffer.from([1, 0, 2])), /no UTF-8 text/],
    ['broken UTF-8', (_q, r) => r.end(Buffer.from([0xc3, 0x28])), /no UTF-8 text/],
    ['silence', () => undefined, /silent for 0.05 s \(tried 4 times\)/],
  ])('is refused: %s', async (_what, listener, message) => {
    const base = await serve(listener);
    const url = `${base.replace('//', '//ada:geheim@')}/x?token=geheim`;
    const error = await downloadText(test.machine, url, { ...QUICK, maxBytes: 1000, stallMs: 50 }).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', message: expect.stringMatching(message) });
    expect(String(error)).not.toContain('geheim');
  });

  it('is given up when the time for all of it is over', async () => {
    const base = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(downloadText(test.machine, base, { timeoutMs: 200 })).rejects.toThrow(/did not finish within 0.2 s/);
  });

  it('is not waited for when the step is stopped', async () => {
    const stop = new AbortController();
    const stopped = await makeTestMachine({ signal: stop.signal });
    const base = await serve(() => stop.abort());
    await expect(downloadText(stopped.machine, base)).rejects.toThrow(/it was stopped/);
    await stopped.remove();
  });

  it('comes from nothing but the web', async () => {
    for (const url of ['file:///etc/shadow', 'ftp://example.com/x', 'not an address', '']) {
      const error = await downloadText(test.machine, url).catch((e: unknown) => e);
      expect(error, url).toMatchObject({ code: 'STEP_INVALID' });
    }
  });
});

describe('a file', () => {
  const at = (path: string) => join(test.root, path);

  it('arrives whole, with its mode, and without anything beside it', async () => {
    const base = await serve((_request, response) => response.end('tool'));
    const options = { ...attributes(), mode: 0o755 };
    expect(await downloadFile(test.machine, `${base}/t`, '/opt/app/tool', options)).toBe(true);
    expect(await readFile(at('/opt/app/tool'), 'utf8')).toBe('tool');
    expect((await stat(at('/opt/app/tool'))).mode & 0o7777).toBe(0o755);
    expect(await readdir(at('/opt/app'))).toEqual(['tool']);
    expect(await downloadFile(test.machine, `${base}/t`, '/opt/app/tool', options)).toBe(false);
  });

  it('is not fetched again while the server announces the same size and time', async () => {
    let sent = 0;
    const base = await serve((_request, response) => {
      sent += 1;
      response.writeHead(200, { 'content-length': '4', 'last-modified': 'Tue, 01 Sep 2026 10:00:00 GMT' });
      response.end(sent === 1 ? 'tool' : 'TOOL');
    });
    expect(await downloadFile(test.machine, base, '/tool', attributes())).toBe(true);
    expect(await downloadFile(test.machine, base, '/tool', attributes())).toBe(false);
    expect(await readFile(at('/tool'), 'utf8')).toBe('tool');
    await writeFile(at('/tool'), 'edit');
    expect(await downloadFile(test.machine, base, '/tool', attributes())).toBe(true);
    expect(await readFile(at('/tool'), 'utf8')).toBe('TOOL');
  });

  it('stays the old one when the new one does not come', async () => {
    await writeFile(at('/tool'), 'old');
    const base = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('torn', () => request.socket.destroy());
    });
    await expect(downloadFile(test.machine, base, '/tool', { ...QUICK, ...attributes() })).rejects.toThrow(/broke off/);
    expect(await readFile(at('/tool'), 'utf8')).toBe('old');
    expect((await readdir(test.root)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('goes through a link, and never over a folder', async () => {
    const base = await serve((_request, response) => response.end('tool'));
    await mkdir(at('/opt'));
    await symlink('/opt/real', at('/link'));
    await downloadFile(test.machine, base, '/link', attributes());
    expect(await readFile(at('/opt/real'), 'utf8')).toBe('tool');
    await expect(downloadFile(test.machine, base, '/opt', attributes())).rejects.toThrow('/opt is a folder');
  });
});
