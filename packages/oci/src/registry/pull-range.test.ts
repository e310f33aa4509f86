import type { Digest } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeRegistry, sendBlob } from '../testing/fake-registry.ts';
import { collect } from '../testing/image-source-contract.ts';
import { makeTestRegistry } from '../testing/registry-fixture.ts';
import { makeBytes } from '../testing/sample-image.ts';

let server: FakeRegistry;
beforeEach(async () => {
  server = await FakeRegistry.start();
});
afterEach(() => server.stop());

const blob = makeBytes(300_000);
const open = async (offset: number, length: number, servers = [server]) => {
  const digest = server.putBlob(blob).digest as Digest;
  const part = await makeTestRegistry(servers).openBlobRange(server.host, 'a/b', { digest, offset, length });
  return { start: part.start, bytes: async () => Buffer.from(await collect(part.bytes)) };
};

describe('a part of a blob', () => {
  it.each([
    [0, 10],
    [1000, 200_000],
    [299_999, 1],
  ])('comes as asked for: from %d on, %d bytes', async (offset, length) => {
    const part = await open(offset, length);
    expect(part.start).toBe(offset);
    expect(await part.bytes()).toEqual(Buffer.from(blob.subarray(offset, offset + length)));
    expect(server.seen.at(-1)?.headers.range).toBe(`bytes=${offset}-${offset + length - 1}`);
  });

  it('is found in the whole blob where a server knows no ranges, and nothing behind it is read', async () => {
    server.intercept = (_request, response) => {
      response.writeHead(200, { 'content-length': blob.length }).end(blob);
      return true;
    };
    const part = await open(100, 50);
    expect(part.start).toBe(0);
    expect(await part.bytes()).toEqual(Buffer.from(blob.subarray(0, 150)));
  });

  it('is followed to another host, which is asked for the same range and gets no login', async () => {
    const other = await FakeRegistry.start();
    try {
      other.putBlob(blob);
      server.intercept = (_request, response, url) => {
        response.writeHead(307, { location: `http://${other.host}${url.pathname}` }).end();
        return true;
      };
      const part = await open(5, 5, [server, other]);
      expect(await part.bytes()).toEqual(Buffer.from(blob.subarray(5, 10)));
      expect(other.seen[0]?.headers).toMatchObject({ range: 'bytes=5-9' });
      expect(other.seen[0]?.headers.authorization).toBeUndefined();
    } finally {
      await other.stop();
    }
  });

  it.each([
    ['another range', { 'content-range': 'bytes 7-9/300000' }],
    ['no range', {}],
  ])('is refused when a 206 has %s', async (_what, headers) => {
    server.intercept = (_request, response) => {
      response.writeHead(206, headers).end('abc');
      return true;
    };
    await expect(open(5, 5)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  });

  it('is refused where the blob is shorter, and where it is missing', async () => {
    await expect(open(400_000, 5)).rejects.toMatchObject({ code: 'TRUNCATED' });
    server.intercept = (_request, response) => {
      response.writeHead(404).end();
      return true;
    };
    await expect(open(0, 5)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('that breaks off says so', async () => {
    server.intercept = (request, response) => {
      sendBlob(request, response, blob, 1000);
      return true;
    };
    await expect((await open(0, 200_000)).bytes()).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  });
});
