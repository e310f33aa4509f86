import { connect as connectPlain } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ServedPage, servePage } from './page-client.testdata.ts';

let page: ServedPage;
beforeEach(async () => {
  page = await servePage({ limits: { idleMs: 300, headersMs: 300, requestMs: 600, connections: 5 } });
});
afterEach(() => page.stop());

function secure(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: page.port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** What a connection was told until the server ended it, and after how many milliseconds. */
async function untilClosed(socket: TLSSocket | ReturnType<typeof connectPlain>): Promise<{ text: string; ms: number }> {
  const began = performance.now();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  return { text, ms: performance.now() - began };
}

describe('who takes a long time', () => {
  it.each<[what: string, first: string]>([
    ['never asks', ''],
    ['never ends its headers', 'GET / HTTP/1.1\r\nHost: a\r\n'],
    [
      'never sends its body',
      'POST /login HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 20\r\n\r\ncode=',
    ],
  ])('and %s is cut off', async (_what, first) => {
    const socket = await secure();
    if (first !== '') socket.write(first);
    const { ms } = await untilClosed(socket);
    expect(ms).toBeLessThan(5_000);
    expect((await page.ask('/')).status).toBe(200);
  });

  it('and sends a byte now and then is cut off all the same', async () => {
    const socket = await secure();
    const closed = untilClosed(socket);
    socket.write('GET / HTTP/1.1\r\n');
    const dripping = setInterval(() => socket.destroyed || socket.write('x'), 50);
    const { ms } = await closed;
    clearInterval(dripping);
    expect(ms).toBeLessThan(5_000);
  });

  it('and never begins with TLS is cut off', async () => {
    const { ms } = await untilClosed(connectPlain({ port: page.port, host: '127.0.0.1' }));
    expect(ms).toBeLessThan(5_000);
  });
});

describe('who sends nonsense', () => {
  it.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['bytes', '\0\x01\x02\xff'.repeat(100)],
  ])('in %s instead of TLS is cut off', async (_what, text) => {
    const socket = connectPlain({ port: page.port, host: '127.0.0.1' });
    socket.write(text);
    expect((await untilClosed(socket)).text).not.toContain('Bowline');
    expect((await page.ask('/')).status).toBe(200);
  });

  it('in its headers is told so', async () => {
    const socket = await secure();
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect((await untilClosed(socket)).text).toMatch(/^HTTP\/1\.1 431/);
  });

  it('by an old TLS is not spoken to', async () => {
    const failed = await new Promise((resolve) => {
      const socket = connect(
        {
          port: page.port,
          host: '127.0.0.1',
          rejectUnauthorized: false,
          maxVersion: 'TLSv1.1',
          minVersion: 'TLSv1',
          ciphers: 'DEFAULT@SECLEVEL=0',
        },
        () => resolve(false),
      );
      socket.on('error', () => resolve(true));
    });
    expect(failed).toBe(true);
  });
});

describe('many at once', () => {
  it('are limited, and who comes later gets in when they were cut off', async () => {
    const sockets = await Promise.all(Array.from({ length: 5 }, secure));
    for (const socket of sockets) socket.on('error', () => undefined);
    await expect(page.ask('/')).rejects.toThrow();
    await sleep(2_500);
    expect((await page.ask('/')).status).toBe(200);
  });
});
