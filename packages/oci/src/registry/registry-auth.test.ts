import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../digest.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { collect } from '../testing/image-source-contract.ts';
import { makeTestRegistry, serveImage } from '../testing/registry-fixture.ts';
import { makeSampleLayers } from '../testing/sample-image.ts';
import { parseChallenge } from './challenge.ts';
import { createRegistrySource } from './registry-source.ts';

const PASSWORD = 'correct-horse';
const LOGIN = { kind: 'basic', username: 'joe', password: PASSWORD } as const;
const BASIC = `Basic ${Buffer.from(`joe:${PASSWORD}`).toString('base64')}`;
let server: FakeRegistry;
let tokens: FakeRegistry;
beforeEach(async () => {
  server = await FakeRegistry.start();
  tokens = await FakeRegistry.start();
  serveImage(server, makeSampleLayers());
});
afterEach(async () => {
  await server.stop();
  await tokens.stop();
});

const resolve = (options: Parameters<typeof makeTestRegistry>[1] = {}) =>
  createRegistrySource(makeTestRegistry([server, tokens], options), {
    kind: 'registry',
    registry: server.host,
    repository: 'a/b',
    tag: '1',
  }).resolve({ architecture: 'amd64' });

/** Lets in who carries a token the token service gave. */
function requireToken(life: { uses: number } = { uses: Infinity }): { given: string[] } {
  const given: string[] = [];
  let uses = 0;
  server.intercept = (request, response) => {
    if (request.headers.authorization === `Bearer ${given.at(-1)}` && uses < life.uses) {
      uses += 1;
      return false;
    }
    const challenge = `Bearer realm="http://${tokens.host}/token",service="test",scope="repository:a/b:pull"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  };
  tokens.intercept = (request, response) => {
    const isForm = request.method === 'POST';
    if (!isForm && request.headers.authorization !== BASIC) {
      response.writeHead(401).end();
      return true;
    }
    given.push(`t${given.length}`);
    uses = 0;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ [isForm ? 'access_token' : 'token']: given.at(-1), expires_in: 300 }));
    return true;
  };
  return { given };
}

describe('basic authentication', () => {
  it('answers the challenge and is remembered', async () => {
    server.intercept = (request, response) => {
      if (request.headers.authorization === BASIC) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    await resolve({ login: LOGIN });
    expect(server.seen.filter((request) => request.headers.authorization === undefined)).toHaveLength(1);
  });

  it.each([
    ['no login', undefined],
    ['a wrong password', { ...LOGIN, password: 'wrong-secret' }],
  ])('says UNAUTHORIZED with the cure for %s, and no secret', async (_name, login) => {
    server.intercept = (request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' });
      response.end(JSON.stringify({ errors: [{ code: 'X', message: `bad ${request.headers.authorization}` }] }));
      return true;
    };
    const error: unknown = await resolve(login === undefined ? {} : { login }).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', hint: expect.stringContaining(`docker login ${server.host}`) });
    const text = JSON.stringify([error, (error as Error).message, (error as Error).stack]);
    expect(text).not.toContain('wrong-secret');
    expect(text).not.toContain(Buffer.from('joe:wrong-secret').toString('base64'));
  });
});

describe('bearer authentication', () => {
  it('fetches one token for the scope and uses it for everything', async () => {
    const { given } = requireToken();
    await resolve({ login: LOGIN });
    expect(given).toEqual(['t0']);
    const query = new URLSearchParams(tokens.seen[0]?.path.split('?')[1]);
    expect(query.get('service')).toBe('test');
    expect(query.getAll('scope')).toEqual(['repository:a/b:pull']);
  });

  it('gets a new token when the old one is refused in the middle', async () => {
    const { given } = requireToken({ uses: 2 });
    await resolve({ login: LOGIN });
    expect(given).toEqual(['t0', 't1']);
  });

  it('renews an expired token before it is used', async () => {
    const { given } = requireToken();
    let now = 0;
    const registry = makeTestRegistry([server, tokens], {
      login: LOGIN,
      host: { fetch, processes: undefined as never, env: {}, clock: { now: () => new Date(now) } },
    });
    await registry.fetchManifest(server.host, 'a/b', '1');
    now = 299_000;
    await registry.fetchManifest(server.host, 'a/b', '1');
    expect(given).toEqual(['t0', 't1']);
  });

  it('exchanges an identity token by a form', async () => {
    requireToken();
    await resolve({ login: { kind: 'refresh-token', token: 'long-lived' } });
    expect(tokens.seen[0]?.method).toBe('POST');
    expect(tokens.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('shares one token request between parallel pulls', async () => {
    const { given } = requireToken();
    const registry = makeTestRegistry([server, tokens], { login: LOGIN });
    await Promise.all(Array.from({ length: 8 }, () => registry.fetchManifest(server.host, 'a/b', '1')));
    expect(given).toEqual(['t0']);
  });

  it('says UNAUTHORIZED when the token is not good enough', async () => {
    requireToken({ uses: 0 });
    await expect(resolve({ login: LOGIN })).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('says UNAUTHORIZED when the token service refuses the login', async () => {
    requireToken();
    await expect(resolve({ login: { ...LOGIN, password: 'no' } })).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('does not send the login to a token service by plain HTTP', async () => {
    requireToken();
    const registry = makeTestRegistry([server], { login: LOGIN });
    await expect(registry.fetchManifest(server.host, 'a/b', '1')).rejects.toMatchObject({ code: 'PLAIN_HTTP_REFUSED' });
    expect(tokens.seen).toHaveLength(0);
  });
});

describe('credentials and redirects', () => {
  it('does not show the login to the storage host, not even when that asks for one', async () => {
    const storage = tokens;
    const [layer] = makeSampleLayers();
    if (layer === undefined) throw new Error('no layer');
    storage.putBlob(layer.blob);
    server.intercept = (request, response, url) => {
      if (request.headers.authorization !== BASIC) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        return true;
      }
      response.writeHead(307, { location: `http://${storage.host}${url.pathname}` }).end();
      return true;
    };
    const registry = makeTestRegistry([server, storage], { login: LOGIN });
    const wish = { digest: digestOf(layer.blob), size: layer.blob.length };
    expect(digestOf(await collect(registry.openBlob(server.host, 'a/b', wish)))).toBe(wish.digest);
    storage.intercept = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="give"' }).end();
      return true;
    };
    await expect(collect(registry.openBlob(server.host, 'a/b', wish))).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(storage.seen.length).toBeGreaterThanOrEqual(2);
    expect(storage.seen.every((request) => request.headers.authorization === undefined)).toBe(true);
  });
});

describe('parseChallenge', () => {
  it.each([
    [
      'Bearer realm="https://a/t",service="s,x",scope="repository:a:pull,push"',
      { scheme: 'bearer', realm: 'https://a/t', service: 's,x', scope: 'repository:a:pull,push' },
    ],
    [
      'Basic realm="a", Bearer realm="https://b/"',
      { scheme: 'bearer', realm: 'https://b/', service: undefined, scope: undefined },
    ],
    ['BASIC realm=x', { scheme: 'basic' }],
    ['Bearer realm="a\\"b"', { scheme: 'bearer', realm: 'a"b', service: undefined, scope: undefined }],
    ['Negotiate', undefined],
    [null, undefined],
  ])('reads %s', (header, expected) => {
    expect(parseChallenge(header)).toEqual(expected);
  });
});
