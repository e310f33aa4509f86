import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assembleUki } from './assemble-uki.ts';
import { openRelease } from './open-release.ts';
import { changeRoot, fillNoise, makeRoot, writeTestRelease } from './release-fixture.testdata.ts';
import { makeSlotMachine, type SlotMachine, TEST_LIMITS } from './release-machine.testdata.ts';

const UKIS = '/run/esp/EFI/bowline';
const OLD = noise(200_000);
/** Another command line: a few bytes in the middle of what stays. */
const NEW = changeRoot(OLD, [{ at: 90_000, length: 100 }]);
let made: SlotMachine;
beforeEach(async () => {
  made = await makeSlotMachine();
  await mkdir(join(made.root, UKIS), { recursive: true });
});
afterEach(() => made.remove());

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  fillNoise(bytes, 7);
  return bytes;
}

/** Puts the new UKI together with what is there; says how many bytes came from the release. */
async function assemble(document: Record<string, unknown> = {}) {
  const folder = join(made.root, 'release');
  await writeTestRelease({ folder, root: makeRoot(1, 50_000), uki: NEW, document });
  const release = await openRelease(made.machine, 'dir:/release', { limits: TEST_LIMITS });
  const pieces: Uint8Array[] = [];
  let fetched = 0;
  const onBytes = (bytes: number): void => void (fetched += bytes);
  for await (const piece of assembleUki(release, join(made.root, UKIS), { onBytes }))
    pieces.push(Uint8Array.from(piece));
  return { uki: Buffer.concat(pieces), fetched };
}

describe('the UKI of a release', () => {
  it('is put together from one that is there and from what is new', async () => {
    await writeFile(join(made.root, UKIS, 'old.efi'), OLD);
    const { uki, fetched } = await assemble();
    expect(Buffer.compare(uki, NEW)).toBe(0);
    expect(fetched).toBeGreaterThan(0);
    expect(fetched).toBeLessThan(NEW.length / 4);
  });

  it('is fetched where there is none, and where those there are something else', async () => {
    expect((await assemble()).fetched).toBe(NEW.length);
    await made.remove();
    made = await makeSlotMachine();
    await mkdir(join(made.root, UKIS), { recursive: true });
    await writeFile(join(made.root, UKIS, 'other.efi'), 'no UKI');
    expect(Buffer.compare((await assemble()).uki, NEW)).toBe(0);
  });

  it('is fetched as a whole from a release without an index of it', async () => {
    await writeFile(join(made.root, UKIS, 'old.efi'), OLD);
    const { uki, fetched } = await assemble({ ukiIndex: undefined });
    expect(Buffer.compare(uki, NEW)).toBe(0);
    expect(fetched).toBe(NEW.length);
  });

  it('is refused when its chunks make another one', async () => {
    await writeFile(join(made.root, UKIS, 'old.efi'), OLD);
    const uki = { sha256: `sha256:${'0'.repeat(64)}`, sizeBytes: NEW.length };
    await expect(assemble({ uki })).rejects.toMatchObject({
      code: expect.stringMatching(/RELEASE_DAMAGED|SOURCE_UNAVAILABLE/),
    });
  });
});
