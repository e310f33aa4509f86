import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeUtf16 } from '@bowline/formats';
import { BOOT_FILE, ENTRY_FOLDER, ESP_FILES, ESP_FOLDER, parseGrubEnvironment } from '@bowline/os-layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { type BootMenu, findEntry, type MenuEntry } from './boot-menu.ts';
import { LOADER_GUID } from './efi-variables.ts';
import { FakeBootMenu } from './fake-boot-menu.ts';
import { GrubFiles } from './grub-files.ts';
import { makeTestUki } from './test-uki.testdata.ts';
import { openBootMenu, withBootMenu } from './with-boot-menu.ts';

const EFIVARS = '/sys/firmware/efi/efivars';
const TRIAL = { left: 3, done: 0 };

let test: TestMachine;
let esp = '';
beforeEach(async () => {
  test = await makeTestMachine();
  esp = test.machine.locate(ESP_FOLDER);
  await mkdir(test.machine.locate(EFIVARS), { recursive: true });
  await mkdir(test.machine.locate('/proc/sys/vm'), { recursive: true });
});
afterEach(() => test.remove());

const [old, next, other] = [makeTestUki('old'), makeTestUki('next'), makeTestUki('other')];

/** Puts a UKI and an entry for it into the menu, as an upgrade does. */
async function put(
  menu: BootMenu,
  generation: MenuEntry['generation'],
  uki: typeof old,
  tries: MenuEntry['tries'] = 'good',
): Promise<void> {
  await menu.addUki(
    uki.digest,
    async function* () {
      yield uki.bytes;
    },
    uki.bytes.length,
  );
  const entry = { generation, ukiDigest: uki.digest, title: `edge ${generation}`, tries };
  const { commit } = await menu.prepare(generation === 'recovery' ? { ...entry, profile: 2 } : entry);
  await commit();
}

const order = async (menu: BootMenu) => (await menu.list()).map(({ generation, tries }) => [generation, tries]);
async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}

describe.each([
  ['of systemd-boot', () => openBootMenu(test.machine, esp, 'uefi')],
  ['of GRUB', () => openBootMenu(test.machine, esp, 'bios')],
  ['that is a fake', () => Promise.resolve(new FakeBootMenu())],
] as const)('a boot menu %s', (_title, open) => {
  let menu: BootMenu;
  beforeEach(async () => {
    await mkdir(esp, { recursive: true });
    menu = await open();
    await put(menu, 1, old);
  });

  it('starts the newest version, then older ones, then the recovery', async () => {
    await put(menu, 'recovery', old);
    await put(menu, 2, next, TRIAL);
    expect(await order(menu)).toEqual([
      [2, TRIAL],
      [1, 'good'],
      ['recovery', 'good'],
    ]);
    expect(findEntry(await menu.list(), 2)).toEqual({
      generation: 2,
      ukiDigest: next.digest,
      title: 'edge 2',
      tries: TRIAL,
    });
    expect(findEntry(await menu.list(), 'recovery')?.profile).toBe(2);
  });

  it('starts as before until an entry is committed, and after it the new one', async () => {
    await menu.addUki(
      next.digest,
      async function* () {
        yield next.bytes;
      },
      next.bytes.length,
    );
    const entry = { generation: 2, ukiDigest: next.digest, title: 'edge 2', tries: TRIAL };
    const { commit } = await menu.prepare(entry);
    expect(await order(menu)).toEqual([[1, 'good']]);
    await commit();
    expect((await order(menu))[0]).toEqual([2, TRIAL]);
  });

  it('can prepare an entry again after it was cut off', async () => {
    await menu.addUki(
      next.digest,
      async function* () {
        yield next.bytes;
      },
      next.bytes.length,
    );
    await menu.prepare({ generation: 2, ukiDigest: next.digest, title: 'edge 2', tries: TRIAL });
    menu = menu instanceof FakeBootMenu ? menu : await open();
    await put(menu, 2, next, TRIAL);
    expect((await order(menu))[0]).toEqual([2, TRIAL]);
  });

  it('counts a version no longer once it is blessed', async () => {
    await put(menu, 2, next, TRIAL);
    await menu.bless(2);
    await menu.bless(2);
    expect(await order(menu)).toEqual([
      [2, 'good'],
      [1, 'good'],
    ]);
  });

  it('tries a bad version after everything else', async () => {
    await put(menu, 'recovery', old);
    await put(menu, 2, next, TRIAL);
    await menu.markBad(2);
    expect((await order(menu)).map(([generation]) => generation)).toEqual([1, 'recovery', 2]);
    expect(findEntry(await menu.list(), 2)?.tries).toMatchObject({ left: 0 });
    await menu.markBad(1);
    expect((await order(menu)).map(([generation]) => generation)).toEqual(['recovery', 2, 1]);
  });

  it('replaces the recovery', async () => {
    await put(menu, 'recovery', old);
    await put(menu, 'recovery', next);
    const recovery = (await menu.list()).filter(({ generation }) => generation === 'recovery');
    expect(recovery.map(({ ukiDigest }) => ukiDigest)).toEqual([next.digest]);
  });

  it('keeps the UKIs that entries name, and no others', async () => {
    await put(menu, 2, next);
    await menu.addUki(
      other.digest,
      async function* () {
        yield other.bytes;
      },
      other.bytes.length,
    );
    expect(await menu.dropUnusedUkis()).toEqual([other.digest]);
    await menu.remove(2);
    expect(await menu.dropUnusedUkis()).toEqual([next.digest]);
    expect(await menu.dropUnusedUkis()).toEqual([]);
    expect(await order(menu)).toEqual([[1, 'good']]);
  });

  it('refuses UKIs that are not what they are said to be, or not there, or do not fit', async () => {
    const wrong = menu.addUki(
      next.digest,
      async function* () {
        yield other.bytes;
      },
      other.bytes.length,
    );
    expect(await failure(wrong)).toBe('WRITE_FAILED');
    const entry = { generation: 2, ukiDigest: next.digest, title: 'edge 2', tries: TRIAL };
    expect(await failure(menu.prepare(entry))).toBe('NO_BOOT_ENTRY');
    const huge = menu.addUki(
      next.digest,
      async function* () {
        yield next.bytes;
      },
      2 ** 60,
    );
    expect(await failure(huge)).toBe('NO_SPACE');
    expect(await order(menu)).toEqual([[1, 'good']]);
    expect(await menu.freeBytes()).toBeGreaterThan(0);
  });

  it('knows no generation that is not there', async () => {
    const works = [menu.remove(9), menu.bless(9), menu.markBad(9), menu.chooseOnce(9)];
    expect(await Promise.all(works.map(failure))).toEqual(Array.from({ length: 4 }, () => 'NO_BOOT_ENTRY'));
  });
});

describe('the files of systemd-boot', () => {
  const names = () => readdir(join(esp, ENTRY_FOLDER));
  let menu: BootMenu;
  beforeEach(async () => {
    await mkdir(esp, { recursive: true });
    menu = await openBootMenu(test.machine, esp, 'uefi');
    await put(menu, 1, old);
    await put(menu, 2, next, TRIAL);
  });

  it('carry the counter in their name, and are always one sector', async () => {
    expect((await names()).toSorted()).toEqual(['bowline-1.conf', 'bowline-2+3.conf']);
    expect(await readFile(join(esp, ENTRY_FOLDER, 'bowline-1.conf'))).toHaveLength(512);
    await menu.bless(2);
    expect((await names()).toSorted()).toEqual(['bowline-1.conf', 'bowline-2.conf']);
  });

  it('may be there twice after a power cut, and then the better one counts', async () => {
    const good = await readFile(join(esp, ENTRY_FOLDER, 'bowline-2+3.conf'));
    await writeFile(join(esp, ENTRY_FOLDER, 'bowline-2.conf'), good);
    await writeFile(
      join(esp, ENTRY_FOLDER, 'bowline-1+0-5.conf'),
      await readFile(join(esp, ENTRY_FOLDER, 'bowline-1.conf')),
    );
    expect(await order(menu)).toEqual([
      [2, 'good'],
      [1, 'good'],
    ]);
    await menu.bless(2);
    await menu.markBad(1);
    expect((await names()).toSorted()).toEqual(['bowline-1+0-3.conf', 'bowline-2.conf']);
  });

  it.each([
    ['blank', '\n'.repeat(512)],
    ['torn', 'title edge\nversion 3\nsort-key bow'],
    ['of another generation', 'title x\nversion 9\nsort-key bowline\nefi /EFI/bowline/00.efi\n'],
  ])('are left out when %s', async (_title, text) => {
    await writeFile(join(esp, ENTRY_FOLDER, 'bowline-3.conf'), text);
    expect((await order(menu)).map(([generation]) => generation)).toEqual([2, 1]);
    await menu.dropUnusedUkis();
    expect((await names()).includes('bowline-3.conf')).toBe(text.trim() !== '');
  });

  it('are left out when their UKI is gone, as systemd-boot does', async () => {
    await rm(join(esp, `EFI/bowline/${next.digest.slice('sha256:'.length)}.efi`));
    expect((await order(menu)).map(([generation]) => generation)).toEqual([1]);
    await menu.remove(2);
    expect(await names()).toEqual(['bowline-1.conf']);
  });

  it('choose once by an EFI variable', async () => {
    await menu.chooseOnce(1);
    const value = await readFile(test.machine.locate(`${EFIVARS}/LoaderEntryOneShot-${LOADER_GUID}`));
    expect([value.readUInt32LE(0), decodeUtf16(value.subarray(4))]).toEqual([7, 'bowline-1.conf']);
  });
});

describe('the files of GRUB', () => {
  let menu: BootMenu;
  const environment = async () => parseGrubEnvironment(await readFile(join(esp, ESP_FILES.grubEnvironment)));
  beforeEach(async () => {
    await mkdir(esp, { recursive: true });
    menu = await openBootMenu(test.machine, esp, 'bios');
    await put(menu, 1, old);
    await put(menu, 2, next, TRIAL);
  });

  it('say where kernel and initrd are in the UKI, and what the kernel reads', async () => {
    await put(menu, 'recovery', old);
    const [, , recovery] = await new GrubFiles(esp).menu();
    expect(recovery?.commandLine).toBe('roothash=old bowline.recovery');
    const at = (recovery?.kernel.start ?? 0) * 512;
    expect(Buffer.from(old.bytes.subarray(at, at + 13)).toString()).toBe('kernel of old');
  });

  it('count in the environment block, which GRUB writes', async () => {
    expect(await environment()).toEqual({ trial: 'bowline-2', tries: 3 });
    const grub = new GrubFiles(esp);
    await grub.writeEnvironment({ trial: 'bowline-2', tries: 1 });
    expect((await order(menu))[0]).toEqual([2, { left: 1, done: 2 }]);
    await grub.writeEnvironment({ trial: 'bowline-2', tries: 0 });
    expect((await order(menu)).map(([generation]) => generation)).toEqual([1, 2]);
    await menu.bless(2);
    expect(await environment()).toEqual({});
    expect((await order(menu))[0]).toEqual([2, 'good']);
  });

  it('start the last good version when the block is torn', async () => {
    await writeFile(join(esp, ESP_FILES.grubEnvironment), 'garbage');
    expect((await order(menu)).map(([generation]) => generation)).toEqual([1, 2]);
    await menu.chooseOnce(2);
    expect(await environment()).toEqual({ once: 'bowline-2' });
  });

  it('remember what the initrd gave up, in the next menu', async () => {
    await menu.bless(2);
    await new GrubFiles(esp).writeEnvironment({ bad: 'bowline-2' });
    expect((await order(menu)).map(([generation]) => generation)).toEqual([1, 2]);
    await put(menu, 3, other, TRIAL);
    await menu.bless(3);
    expect(await environment()).toEqual({});
    expect((await order(menu)).map(([generation]) => generation)).toEqual([3, 1, 2]);
  });

  it('are kept in step with those of systemd-boot', async () => {
    await menu.bless(2);
    await menu.markBad(1);
    const entries = await openBootMenu(test.machine, esp, 'uefi');
    expect(await order(entries)).toEqual(await order(menu));
    await menu.remove(1);
    expect(await order(entries)).toEqual(await order(menu));
  });
});

describe('a disk with GRUB in a machine with UEFI', () => {
  it('has the same menu for a BIOS', async () => {
    await mkdir(esp, { recursive: true });
    await put(await openBootMenu(test.machine, esp, 'bios'), 1, old);
    const menu = await openBootMenu(test.machine, esp, 'uefi');
    const grub = await openBootMenu(test.machine, esp, 'bios');
    await put(menu, 2, next, TRIAL);
    expect(await order(grub)).toEqual(await order(menu));
    await menu.bless(2);
    await menu.markBad(1);
    expect(await order(grub)).toEqual(await order(menu));
    await menu.remove(1);
    expect(await order(grub)).toEqual([[2, 'good']]);
  });
});

describe('how the machine was started', () => {
  const withConf = async (conf: string, work: (menu: BootMenu) => Promise<void>) => {
    await writeFile(test.machine.locate(BOOT_FILE), conf);
    await withBootMenu(test.machine, async (menu) => {
      await put(menu, 1, old);
      await put(menu, 2, next, TRIAL);
      await put(menu, 'recovery', old);
      await work(menu);
    });
  };

  it.each([
    ['a version', 'ENTRY=bowline-2\nFIRMWARE=uefi\nMODE=disk\n', 2, false],
    ['the recovery, by the menu', 'ENTRY=bowline-recovery\nFIRMWARE=uefi\nMODE=recovery\n', 'recovery', false],
    ['the recovery, because the firmware refused an image', 'ENTRY=bowline-2\nFIRMWARE=uefi\nMODE=recovery\n', 2, true],
    ['nobody knows', 'FIRMWARE=uefi\nMODE=disk\n', undefined, false],
    ['the recovery by GRUB', 'ENTRY=bowline-recovery\nFIRMWARE=bios\nMODE=recovery\n', 'recovery', false],
  ])('%s', async (_title, conf, generation, recoveryByFirmware) => {
    await mkdir(test.machine.locate('/run/bowline'), { recursive: true });
    await withConf(conf, async (menu) => {
      const found = await menu.started();
      expect([found.entry?.generation, found.recoveryByFirmware]).toEqual([generation, recoveryByFirmware]);
    });
  });

  it("is systemd-boot's variable where the initrd left nothing", async () => {
    const value = Buffer.concat([Buffer.from([6, 0, 0, 0]), Buffer.from('bowline-2+2-1.conf\0', 'utf16le')]);
    await writeFile(test.machine.locate(`${EFIVARS}/LoaderEntrySelected-${LOADER_GUID}`), value);
    await withBootMenu(test.machine, async (menu) => {
      expect(menu.firmware).toBe('uefi');
      await put(menu, 2, next, TRIAL);
      expect((await menu.started()).entry?.generation).toBe(2);
    });
  });

  it('is for one user at a time', async () => {
    const seen: string[] = [];
    const use = (name: string) =>
      withBootMenu(test.machine, async () => {
        seen.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        seen.push(`${name} out`);
      });
    await Promise.all([use('a'), use('b')]);
    expect(seen.map((word) => word.split(' ')[1])).toEqual(['in', 'out', 'in', 'out']);
  });
});
