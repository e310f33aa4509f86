import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ENTRY_FOLDER,
  ESP_FILES,
  encodeGrubEnvironment,
  encodeGrubMenu,
  espRecord,
  type GrubEntry,
  parseGrubEnvironment,
} from '@bowline/os-layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runShell, scriptText } from './run-script.testdata.ts';

const HEX = 'a'.repeat(64);
const MOST_STARTS = 5;
let folder = '';
let esp = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-guard-'));
  esp = join(folder, 'esp');
  await mkdir(join(esp, ENTRY_FOLDER), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts the machine: the guard alone, with a folder for the ESP. Tells what it said and what it left. */
async function start(commandLine: string, firmware: 'uefi' | 'bios' = 'uefi'): Promise<{ said: string; boot: string }> {
  const here = (text: string): string => text.replaceAll('/run/bowline', `${folder}/run`);
  const guard = here(await scriptText('guard'));
  const [functions = '', main = ''] = guard.split('\nMODE=disk\n');
  const machine = `
    find_esp() { DISK=/dev/vda; ESP=/dev/vda1; }
    mount_esp() { :; }
    unmount_esp() { :; }
    esp_folder=${esp}
    entries=${esp}/${ENTRY_FOLDER}
    grub=${esp}/bowline/grub
    MODE=disk`;
  const begin = main.replace(/FIRMWARE=bios\n.*\n/, `FIRMWARE=${firmware}\n`);
  const said = await runShell([here(await scriptText('esp')), functions, machine, begin], {
    command_line: commandLine,
  });
  return { said, boot: await readFile(join(folder, 'run/boot.conf'), 'utf8').catch(() => '') };
}

const entry = (name: string) => writeFile(join(esp, ENTRY_FOLDER, name), espRecord('title T\n'));
const entries = async () => (await readdir(join(esp, ENTRY_FOLDER))).toSorted();
const record = (path: string) => readFile(join(esp, path), 'utf8');

describe('how the machine was started', () => {
  it('is told in assignments for the agent', async () => {
    await entry('bowline-7.conf');
    const { boot } = await start('roothash=1 bowline.entry=bowline-7');
    expect(boot).toBe('ENTRY=bowline-7\nFIRMWARE=uefi\nMODE=disk\nTRIAL=no\nDISK=/dev/vda\nESP=/dev/vda1\n');
  });

  it.each(['live', 'netboot', 'recovery', 'reset'])('knows the mode %s', async (mode) => {
    expect((await start(`bowline.${mode}=x bowline.entry=bowline-1`)).boot).toContain(`\nMODE=${mode}\n`);
  });

  it('takes no word for an entry that could be anything else', async () => {
    expect((await start('bowline.entry=$(reboot)')).boot).toMatch(/^ENTRY=\n/);
  });
});

describe('a version on trial', () => {
  it.each(['bowline-7+2-1.conf', 'bowline-7+0-3.conf'])('is what counts its starts: %s', async (name) => {
    await entry(name);
    expect((await start('bowline.entry=bowline-7+2-1.conf')).boot).toContain('ENTRY=bowline-7\n');
    expect(await readdir(join(folder, 'run'))).toContain('trial');
    expect(await record(ESP_FILES.reason)).toMatch(/^bowline-7 it restarted, hung or lost power before .* *\n$/);
    expect((await record(ESP_FILES.reason)).length).toBe(512);
  });

  it('keeps a reason that is better', async () => {
    await entry('bowline-7+2-1.conf');
    await mkdir(join(esp, 'bowline'));
    await writeFile(join(esp, ESP_FILES.reason), 'bowline-7 the network did not come up\n');
    await start('bowline.entry=bowline-7');
    expect(await record(ESP_FILES.reason)).toBe('bowline-7 the network did not come up\n');
  });

  it('is never the recovery, which firmware may start while a refused entry still counts as chosen', async () => {
    await entry('bowline-7+2-1.conf');
    expect((await start('bowline.recovery bowline.entry=bowline-7')).boot).toContain('TRIAL=no');
  });
});

describe('a version that has proved itself', () => {
  it('goes bad after five starts that lead nowhere, when something else can start', async () => {
    await entry('bowline-7.conf');
    await entry('bowline-6.conf');
    for (let count = 1; count <= MOST_STARTS; count += 1) {
      expect((await start('bowline.entry=bowline-7')).said).toBe('');
      expect(await record(ESP_FILES.starts)).toMatch(new RegExp(`^bowline-7 ${count} *\n$`));
    }
    expect((await start('bowline.entry=bowline-7')).said).toContain('systemctl --force --force reboot');
    expect(await entries()).toEqual(['bowline-6.conf', 'bowline-7+0-5.conf']);
    expect(await record(ESP_FILES.reason)).toContain('bowline-7 it was started 5 times in a row');
  });

  it('keeps why it did not start, when it could say so', async () => {
    await entry('bowline-7.conf');
    await entry('bowline-6.conf');
    await mkdir(join(esp, 'bowline'));
    await writeFile(join(esp, ESP_FILES.starts), 'bowline-7 5\n');
    await writeFile(join(esp, ESP_FILES.reason), 'bowline-7 no disk has the root\n');
    await start('bowline.entry=bowline-7');
    expect(await record(ESP_FILES.reason)).toMatch(
      /^bowline-7 it was started 5 times .* its init: no disk has the root *\n$/,
    );
  });

  it('is started for ever when there is nothing else', async () => {
    await entry('bowline-7.conf');
    await entry('bowline-6+0-3.conf');
    // Prepared and never committed.
    await writeFile(join(esp, ENTRY_FOLDER, 'bowline-8+3.conf'), espRecord(''));
    for (let count = 0; count < 8; count += 1) await start('bowline.entry=bowline-7');
    expect(await entries()).toContain('bowline-7.conf');
  });

  it('is counted anew when another one was started in between, and after garbage', async () => {
    await entry('bowline-7.conf');
    await mkdir(join(esp, 'bowline'));
    for (const text of ['bowline-6 4\n', 'bowline-7 many\n', '', '\0\0\0']) {
      await writeFile(join(esp, ESP_FILES.starts), text);
      await start('bowline.entry=bowline-7');
      expect(await record(ESP_FILES.starts)).toMatch(/^bowline-7 1 /);
    }
  });
});

describe('a machine with GRUB', () => {
  const grubEntry = (generation: number | 'recovery', state: GrubEntry['state']): GrubEntry => ({
    generation,
    state,
    title: 'T',
    ukiDigest: `sha256:${HEX}`,
    kernel: { start: 8, count: 16 },
    initrd: { start: 32, count: 64 },
    commandLine: 'quiet',
  });

  async function grub(menu: readonly GrubEntry[], which: 'a' | 'b' = 'b'): Promise<void> {
    await mkdir(join(esp, 'bowline/grub'), { recursive: true });
    await writeFile(join(esp, ESP_FILES.grubMenu), espRecord(`menu=${which}\n`));
    await writeFile(join(esp, ESP_FILES.grubMenuA), encodeGrubMenu(which === 'a' ? menu : []));
    await writeFile(join(esp, ESP_FILES.grubMenuB), encodeGrubMenu(which === 'b' ? menu : []));
    const environment = encodeGrubEnvironment({ trial: 'bowline-8', tries: 2 });
    await writeFile(join(esp, ESP_FILES.grubEnvironment), environment);
  }

  it.each(['a', 'b'] as const)('has a trial where menu %s says so', async (which) => {
    await grub([grubEntry(8, 'trial'), grubEntry(7, 'good')], which);
    expect((await start('bowline.entry=bowline-8', 'bios')).boot).toContain('TRIAL=yes');
    expect((await start('bowline.entry=bowline-7', 'bios')).boot).toContain('TRIAL=no');
  });

  it('is told of a bad version through the environment block, which stays what it was', async () => {
    await grub([grubEntry(7, 'good'), grubEntry('recovery', 'good')]);
    for (let count = 0; count < MOST_STARTS; count += 1) await start('bowline.entry=bowline-7', 'bios');
    expect((await start('bowline.entry=bowline-7', 'bios')).said).toContain('reboot');
    const block = await readFile(join(esp, ESP_FILES.grubEnvironment));
    expect(parseGrubEnvironment(block)).toEqual({ trial: 'bowline-8', tries: 2, bad: 'bowline-7' });
  });
});
