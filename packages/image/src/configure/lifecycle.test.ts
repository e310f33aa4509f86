import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bowl, parseLifecycle } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configureLifecycle } from './lifecycle.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-lifecycle-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const pair = generateKeyPairSync('ed25519');
const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const configure = (fields: object) => {
  const head = { apiVersion: 'bowline/v1', name: 'box', version: '1', base: { rootfs: 'r.tar' } };
  return configureLifecycle(folder, Bowl.parse({ ...head, ...fields }));
};
const withKey = async (text: string | Uint8Array) => {
  await writeFile(join(folder, 'release.pem'), text);
  return configure({ upgrade: { trustedKeys: ['release.pem'] } });
};
const texts = async (changes: ReturnType<typeof configure>): Promise<Map<string, string>> =>
  new Map((await changes).map((one) => [one.path, one.kind === 'file' ? new TextDecoder().decode(one.content) : '']));

describe('what an image knows of health and upgrades', () => {
  it('is in every image, also where the bowl says nothing', async () => {
    const files = await texts(configure({}));
    expect([...files.keys()]).toEqual(['usr/lib/bowline/lifecycle.json']);
    const document = parseLifecycle(files.get('usr/lib/bowline/lifecycle.json') ?? '', 'lifecycle.json');
    expect(document.checks.map(({ kind }) => kind)).toEqual(['boot-complete', 'no-failed-units']);
  });

  it('holds each key once, by the name that signatures use', async () => {
    const id = createHash('sha256')
      .update(createPublicKey(pem).export({ type: 'spki', format: 'der' }))
      .digest('hex');
    const files = await texts(withKey(`A remark before the key.\n${pem.replaceAll('\n', '\r\n')}`));
    expect(files.get(`usr/lib/bowline/release-keys/${id}.pem`)).toBe(pem);
  });

  it.each([
    ['private key', pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), /is a private key/],
    [
      'key of another kind',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      /is of type ec, not Ed25519/,
    ],
    ['text', 'hello', /is not a public key in PEM/],
    ['large file', new Uint8Array(70_000), /far too large/],
  ])('is never a %s', async (_what, text, message) => {
    await expect(withKey(text)).rejects.toMatchObject({
      code: 'KEYS_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('says which key is not there', async () => {
    await expect(configure({ upgrade: { trustedKeys: ['gone.pem'] } })).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('gone.pem'),
    });
  });
});
