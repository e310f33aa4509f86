import { mkdir, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { downloads } from './downloads.ts';
import { fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

let test: TestMachine;
let server: Server;
let base: string;
beforeEach(async () => {
  test = await makeTestMachine();
  server = createServer((request, response) => {
    if (request.url === '/slow') return;
    response.writeHead(request.url === '/gone' ? 404 : 200).end(`content of ${request.url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await test.remove();
});

describe('downloads', () => {
  it('fetch a file with its mode, once', async () => {
    const config = [{ path: '/opt/bin/tool', url: `${base}/tool`, permissions: 0o755 }];
    expect(await runTwice(test, downloads, config)).toEqual([true, false]);
    expect(await fileText(test, '/opt/bin/tool')).toBe('content of /tool');
    expect(await modeOf(test, '/opt/bin/tool')).toBe('0755');
  });

  it('without permissions are readable, with timeout 0 have the usual time', async () => {
    await runPlugin(test, downloads, [{ path: '/tool', url: `${base}/tool`, timeout: 0 }]);
    expect(await modeOf(test, '/tool')).toBe('0644');
  });

  it.each<[path: string, url: string, file: string]>([
    ['/opt', '/a/tool.tar.gz?version=2', '/opt/tool.tar.gz'],
    ['/opt/', '/my%20tool', '/opt/my tool'],
    ['/new/', '/tool', '/new/tool'],
  ])('into %s from %s make %s', async (path, url, file) => {
    await mkdir(join(test.root, '/opt'));
    await runPlugin(test, downloads, [{ path, url: `${base}${url}` }]);
    expect(await fileText(test, file)).toBe(`content of ${url}`);
  });

  it.each(['/', '/a/..%2F..%2Fetc%2Fpasswd', '/%2e%2e%2f'])('into a folder refuse the address %s', async (url) => {
    const run = runPlugin(test, downloads, [{ path: '/etc', url: `${base}${url}` }]);
    await expect(run).rejects.toMatchObject({ code: 'STEP_INVALID' });
  });

  it('fail one by one', async () => {
    const config = [
      { path: '/gone', url: `${base}/gone` },
      { path: '/tool', url: `${base}/tool` },
    ];
    await expect(runPlugin(test, downloads, config)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(await fileText(test, '/tool')).toBe('content of /tool');
    await expect(stat(join(test.root, '/gone'))).rejects.toThrow();
  });

  it('end when their time is over', async () => {
    const run = runPlugin(test, downloads, [{ path: '/x', url: `${base}/slow`, timeout: 1 }]);
    await expect(run).rejects.toThrow(/did not finish within 1 s/);
  });

  it('belong to whom they are given', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can give files away');
    await runPlugin(test, downloads, [{ path: '/tool', url: `${base}/tool`, ownerstring: '901:902' }]);
    expect(await stat(join(test.root, '/tool'))).toMatchObject({ uid: 901, gid: 902 });
  });

  it('are announced without secrets of the address', () => {
    const config = [{ path: '/opt/tool', url: 'https://ada:geheim@example.com/tool?token=geheim#x' }];
    expect(summariesOf(downloads, config)).toEqual(['download https://example.com/tool to /opt/tool (0644)']);
  });
});
