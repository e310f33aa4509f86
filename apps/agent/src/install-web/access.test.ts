import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ask, type ServedPage, servePage } from './page-client.testdata.ts';
import { PAGE_SCRIPTS } from './page-files.ts';
import { ROUTES } from './routes.ts';

let page: ServedPage;
beforeEach(async () => {
  page = await servePage();
});
afterEach(() => page.stop());

const FORM = 'application/x-www-form-urlencoded';
const tryCode = (code: string, headers: Record<string, string> = {}) =>
  page.ask('/login', {
    method: 'POST',
    headers: { origin: page.origin, 'content-type': FORM, ...headers },
    body: new URLSearchParams({ code }).toString(),
  });
/** The request that the page's script would make, whatever the route. */
const asScript = (method: string): Ask => ({
  method,
  headers: { origin: page.origin, 'x-bowline': '1', 'content-type': 'application/json' },
  ...(method === 'POST' ? { body: '{}' } : {}),
});

/** Every route there is, and some that are not. */
const ALL: readonly (readonly [method: string, path: string])[] = [
  ...ROUTES.map(({ method, path }) => [method, path] as const),
  ['GET', '/api/progress'],
  ['POST', '/logout'],
  ['GET', '/login'],
  ['GET', '/index.html'],
  ['GET', '/../etc/shadow'],
  ['GET', '/api/machine/'],
  ['GET', '//api/machine'],
  ['GET', '/style.css/../api/machine'],
  ['POST', '/'],
  ['POST', '/style.css'],
  ['PUT', '/api/install'],
  ['DELETE', '/api/machine'],
  ['OPTIONS', '/api/install'],
  ['GET', '/ws'],
  ['POST', '/install'],
];

describe('without the code', () => {
  const behind = ALL.filter(([method, path]) => !(method === 'GET' && path === '/'));
  it.each(behind)('%s %s gives nothing', async (method, path) => {
    const { status, text, headers } = await page.ask(path, asScript(method));
    expect(status).toBe(401);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
    expect(headers['set-cookie']).toBeUndefined();
  });

  it.each(behind)('%s %s gives nothing for a cookie of ours that is wrong', async (method, path) => {
    const ask = asScript(method);
    const cookie = `__Host-bowline=${'A'.repeat(43)}`;
    expect((await page.ask(path, { ...ask, headers: { ...ask.headers, cookie } })).status).toBe(401);
  });

  it('covers all that the page is made of', () => {
    expect(behind.length).toBeGreaterThan(20);
    for (const path of Object.keys(PAGE_SCRIPTS)) expect(behind).toContainEqual(['GET', path]);
  });

  it('GET / asks for the code, and says nothing of the machine', async () => {
    const { status, text } = await page.ask('/');
    expect(status).toBe(200);
    expect(text).toContain('<form method="post" action="/login">');
    expect(text).not.toMatch(/vda|nvme|debian|QEMU|agent 1\.0/i);
    expect(text).not.toContain('<script');
  });

  it('GET /style.css is there, so that the question can be read', async () => {
    expect(await page.ask('/style.css')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/css; charset=utf-8' },
    });
  });

  it('HEAD has no body and no other answer than GET', async () => {
    expect(await page.ask('/api/machine', { method: 'HEAD' })).toMatchObject({ status: 401, text: '' });
  });
});

describe('the code', () => {
  it('opens a session, and is spent', async () => {
    const [{ code } = { code: '' }] = page.announced;
    const { status, headers } = await tryCode(code.toLowerCase());
    expect(status).toBe(303);
    expect(headers.location).toBe('/');
    expect(headers['set-cookie']?.[0]).toMatch(/^__Host-bowline=.{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    expect((await tryCode(code)).status).toBe(403);
    expect(page.announced.at(-1)?.code).not.toBe(code);
  });

  it('may be wrong five times; then nobody gets in for a minute, and the console has a new one', async () => {
    const [{ code } = { code: '' }] = page.announced;
    for (const left of ['4 tries are', '3 tries are', '2 tries are', 'One try is']) {
      const { status, text } = await tryCode('AAAA-AAAA');
      expect(status).toBe(403);
      expect(text).toContain(`This is not the code. ${left} left.`);
    }
    for (const wrong of ['AAAA-AAAA', code]) {
      const { status, headers, text } = await tryCode(wrong);
      expect(status).toBe(429);
      expect(Number(headers['retry-after'])).toBeGreaterThan(50);
      expect(text).toContain('Too many wrong codes.');
      expect(text).not.toContain('AAAA');
    }
    page.wait(60_000);
    expect((await page.ask('/')).text).not.toContain('Too many');
    expect(page.announced).toHaveLength(2);
    expect((await tryCode(code)).status).toBe(403);
    expect((await tryCode(page.announced[1]?.code ?? '')).status).toBe(303);
  });

  it.each<[what: string, ask: Ask, status: number]>([
    ['no form', { headers: { 'content-type': 'application/json' }, body: '{}' }, 415],
    ['a form that is too large', { headers: { 'content-type': FORM }, body: `code=${'A'.repeat(5000)}` }, 413],
    ['a form without a code', { headers: { 'content-type': FORM }, body: 'other=1' }, 403],
  ])('is refused in %s', async (_what, { headers, body }, status) => {
    const answer = await page.ask('/login', {
      method: 'POST',
      headers: { origin: page.origin, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(status);
  });

  it.each<[what: string, headers: Record<string, string>]>([
    ['another site', { origin: 'https://evil.example' }],
    ['a page without an origin', { origin: 'null' }],
    ['another port of this machine', { origin: 'https://127.0.0.1:1' }],
    ['a browser that says so', { 'sec-fetch-site': 'cross-site' }],
  ])('is not taken from %s', async (_what, headers) => {
    expect((await tryCode(page.announced[0]?.code ?? '', headers)).status).toBe(403);
    expect(page.announced).toHaveLength(1);
  });
});

describe('with the code', () => {
  it('every document of the page is there, and the machine answers', async () => {
    const cookie = await page.logIn();
    for (const path of ['/', '/style.css', '/api/machine', ...Object.keys(PAGE_SCRIPTS)]) {
      expect((await page.ask(path, { headers: { cookie } })).status, path).toBe(200);
    }
    expect((await page.ask('/nothing', { headers: { cookie } })).status).toBe(404);
    expect((await page.ask('/api/install', { headers: { cookie } })).status).toBe(405);
  });

  it('the session ends after half an hour of silence', async () => {
    const cookie = await page.logIn();
    page.wait(29 * 60_000);
    expect((await page.ask('/api/machine', { headers: { cookie } })).status).toBe(200);
    page.wait(31 * 60_000);
    expect((await page.ask('/api/machine', { headers: { cookie } })).status).toBe(401);
  });

  it('the session ends when its owner logs out', async () => {
    const cookie = await page.logIn();
    const { status, headers } = await page.ask('/logout', { method: 'POST', headers: { origin: page.origin, cookie } });
    expect(status).toBe(303);
    expect(headers['set-cookie']?.[0]).toMatch(/Max-Age=0/);
    expect((await page.ask('/api/machine', { headers: { cookie } })).status).toBe(401);
  });

  const changing = ROUTES.filter(({ method }) => method === 'POST').map(({ path }) => path);
  it.each(changing)('%s takes no orders from other sites', async (path) => {
    const cookie = await page.logIn();
    const good = { cookie, origin: page.origin, 'x-bowline': '1', 'content-type': 'application/json' };
    const { origin: _origin, ...withoutOrigin } = good;
    const { 'x-bowline': _header, ...withoutHeader } = good;
    for (const headers of [
      withoutOrigin,
      withoutHeader,
      { ...good, origin: 'https://evil.example' },
      { ...good, origin: 'null' },
      { ...good, 'sec-fetch-site': 'same-site' },
    ]) {
      expect((await page.ask(path, { method: 'POST', headers, body: '{}' })).status).toBe(403);
    }
    expect(page.engine.wishes).toEqual([]);
  });

  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/style.css', 'text/css; charset=utf-8'],
    ['/main.js', 'text/javascript; charset=utf-8'],
    ['/api/machine', 'application/json; charset=utf-8'],
  ])('%s has its type, and may do nothing but what the page needs', async (path, type) => {
    const { headers } = await page.ask(path, { headers: { cookie: await page.logIn() } });
    expect(headers['content-type']).toBe(type);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe|\*/);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
  });

  it('documents hold nothing inline and nothing from elsewhere', async () => {
    const cookie = await page.logIn();
    for (const path of ['/', '/style.css', ...Object.keys(PAGE_SCRIPTS)]) {
      const { text } = await page.ask(path, { headers: { cookie } });
      expect(text, path).not.toMatch(/https?:\/\/|<style|style=|\son[a-z]+=|url\(|@import|innerHTML|eval\(/);
    }
  });
});
