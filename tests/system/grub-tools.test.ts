import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  encodeGrubEnvironment,
  encodeGrubMenu,
  type GrubEntry,
  grubScriptText,
  parseGrubEnvironment,
} from '@bowline/os-layout';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGrubImages } from '../../packages/image/src/seal/grub.ts';
import { inToolbox, openToolbox } from './fixtures/toolbox.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-grub-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tool = (...argv: [string, ...string[]]) => inToolbox(argv, { '/w': folder });
const ENTRY: GrubEntry = {
  generation: 7,
  state: 'trial',
  profile: 2,
  title: 'edge 1.2',
  ukiDigest: `sha256:${'ab'.repeat(32)}`,
  kernel: { start: 183, count: 22_924 },
  initrd: { start: 23_107, count: 24_213 },
  commandLine: `roothash=aa 'quoted' $x; {y} \\z console=ttyS0,115200`,
};

describe("what GRUB's own tools say of", () => {
  it('its script and its menu: both can be parsed', async () => {
    await writeFile(join(folder, 'grub.cfg'), grubScriptText());
    await writeFile(
      join(folder, 'menu.cfg'),
      encodeGrubMenu([ENTRY, { ...ENTRY, generation: 'recovery', state: 'good' }]),
    );
    for (const name of ['grub.cfg', 'menu.cfg']) {
      expect(await tool('grub-script-check', `/w/${name}`), name).toEqual({ exitCode: 0, text: '' });
    }
  });

  it('the environment block: they read ours, and we read theirs', async () => {
    await writeFile(join(folder, 'grubenv'), encodeGrubEnvironment({ trial: 'bowline-7', tries: 2 }));
    expect((await tool('grub-editenv', '/w/grubenv', 'list')).text).toBe('trial=bowline-7\ntries=2\n');
    await tool('grub-editenv', '/w/grubenv', 'set', 'tries=1', 'once=bowline-recovery');
    await tool('grub-editenv', '/w/grubenv', 'unset', 'trial');
    const block = await readFile(join(folder, 'grubenv'));
    expect(parseGrubEnvironment(block)).toEqual({ tries: 1, once: 'bowline-recovery' });
  });

  it('its images: the same every time', async () => {
    const toolbox = await openToolbox();
    const made: Buffer[][] = [];
    for (const name of ['first', 'second']) {
      const own = join(folder, name);
      await mkdir(own);
      await makeGrubImages(toolbox, own, new AbortController().signal);
      made.push([await readFile(join(own, 'grub-boot.img')), await readFile(join(own, 'grub-core.img'))]);
    }
    expect(made[0]).toEqual(made[1]);
  });
});
