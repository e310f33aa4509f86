import { generateKeyPairSync } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RELEASE_KEYS_FOLDER } from '@bowline/os-layout';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Release } from './contract.ts';
import { openRelease } from './open-release.ts';
import { makeRoot, makeSigner, type TestReleaseWish, writeTestRelease } from './release-fixture.testdata.ts';
import { makeSlotMachine, type SlotMachine, TEST_LIMITS } from './release-machine.testdata.ts';

const ROOT = makeRoot(1, 20_480);
const OURS = makeSigner('vendor.pem');
const NEXT = makeSigner('vendor-2027.pem');
const THEIRS = makeSigner('stranger.pem');
let made: SlotMachine;
let count = 0;
beforeAll(async () => {
  made = await makeSlotMachine();
});
afterAll(() => made.remove());
afterEach(() => rm(join(made.root, RELEASE_KEYS_FOLDER), { recursive: true, force: true }));

/** Puts keys into the image of the machine. */
async function trust(files: Record<string, string>): Promise<void> {
  const folder = join(made.root, RELEASE_KEYS_FOLDER);
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

async function open(wish: Omit<TestReleaseWish, 'folder' | 'root'> = {}): Promise<Release> {
  const folder = `release${(count += 1)}`;
  await writeTestRelease({ folder: join(made.root, folder), root: ROOT, ...wish });
  return openRelease(made.machine, `dir:/${folder}`, { limits: TEST_LIMITS });
}

const refused = (says: string) => ({ code: 'SIGNATURE_INVALID', message: expect.stringContaining(says) });

describe('a machine with keys', () => {
  it('takes what one of them signed, and says which', async () => {
    await trust({ 'vendor.pem': OURS.pem, 'vendor-2027.pem': NEXT.pem, README: 'no key' });
    const release = await open({ signers: [NEXT] });
    expect(release).toMatchObject({ signedBy: NEXT.key.id, warnings: [] });
  });

  it('takes what an old and a new key signed, whichever it knows', async () => {
    await trust({ 'vendor.pem': OURS.pem });
    expect((await open({ signers: [NEXT, OURS] })).signedBy).toBe(OURS.key.id);
    expect((await open({ signers: [OURS, THEIRS] })).signedBy).toBe(OURS.key.id);
  });

  it.each<[what: string, wish: Omit<TestReleaseWish, 'folder' | 'root'>, says: string]>([
    ['nobody signed', {}, 'is not signed'],
    ['carries no signature', { signers: [] }, 'is not signed'],
    ['a stranger signed', { signers: [THEIRS] }, THEIRS.key.id.slice(7, 23)],
    ['was altered afterwards', { signers: [OURS], alter: (text) => text.replace('"edge"', '"evil"') }, 'altered'],
    [
      'a stranger signed in our name',
      { signers: [THEIRS], alterSignatures: (text) => text.replace(THEIRS.key.id, OURS.key.id) },
      'altered',
    ],
    [
      'has half a signature',
      { signers: [OURS], alterSignatures: (text) => text.replace(/("signature": ").{44}/, '$1') },
      'vendor.pem',
    ],
  ])('refuses what %s', async (_what, wish, says) => {
    await trust({ 'vendor.pem': OURS.pem });
    await expect(open(wish)).rejects.toMatchObject(refused(says));
  });

  it('refuses the signature of another release', async () => {
    await trust({ 'vendor.pem': OURS.pem });
    let other = '';
    await open({ signers: [OURS], version: '1', alterSignatures: (text) => (other = text) });
    await expect(open({ signers: [OURS], version: '2', alterSignatures: () => other })).rejects.toMatchObject(
      refused('altered'),
    );
  });

  it('refuses signatures that are no document of signatures', async () => {
    await trust({ 'vendor.pem': OURS.pem });
    await expect(open({ signers: [OURS], alterSignatures: () => '[]' })).rejects.toMatchObject({
      code: 'RELEASE_INVALID',
    });
  });

  it.each([
    ['empty', ''],
    ['garbage', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    [
      'RSA',
      generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
    ['private', OURS.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
  ])('whose only key is %s takes nothing', async (_what, pem) => {
    await trust({ 'vendor.pem': pem });
    await expect(open({ signers: [OURS] })).rejects.toMatchObject(refused('no file of vendor.pem'));
  });
});

describe('a machine without keys', () => {
  it.each<[what: string, wish: Omit<TestReleaseWish, 'folder' | 'root'>]>([
    ['unsigned', {}],
    ['signed by anybody', { signers: [THEIRS] }],
  ])('takes what is %s, and says what that means', async (_what, wish) => {
    const release = await open(wish);
    expect(release.signedBy).toBeUndefined();
    expect(release.warnings).toEqual([expect.stringContaining('without a signature')]);
  });
});
