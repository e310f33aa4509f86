import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runShell, scriptText } from './run-script.testdata.ts';

const FILES = { '10-install.yaml': 'installed\n', '90-user data.yaml': 'user\n' };
let folder = '';
afterEach(() => rm(folder, { recursive: true, force: true }));

async function install(): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  folder = await mkdtemp(join(tmpdir(), 'bowline-first-boot-'));
  const seeds = join(folder, 'esp/bowline/first-boot');
  await mkdir(seeds, { recursive: true });
  await mkdir(join(folder, 'state'));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(seeds, name), text);
}

/** A start of the machine; `cutAfter`: power fails before the step with this number. True when it came to its end. */
async function start(cutAfter = 1e9): Promise<boolean> {
  const requests = (await scriptText('requests')).replace(/with_esp\(\) \{[\s\S]*?\n\}\n/, '');
  const steps = `
    step() { count=$((count + 1)); [ $count -le ${cutAfter} ] || kill -9 $$; }
    count=0
    ${['mv', 'rm', 'mkdir', 'chmod', 'cp'].map((name) => `${name}() { step; command ${name} "$@"; }`).join('\n')}
    sync() { :; }
    with_esp() { "$1"; }`;
  const there = await stat(join(folder, 'esp/bowline/first-boot')).catch(() => undefined);
  if (there !== undefined) await writeFile(join(folder, 'requested-first-boot'), '');
  const here = requests.replaceAll('/run/bowline', folder);
  const pieces = [`state=${folder}/state esp_folder=${folder}/esp`, here, steps, 'set -e; serve_first_boot; echo done'];
  return runShell(pieces, { command_line: '' }).then(
    (said) => said === 'done\n',
    () => false,
  );
}

async function expectMoved(): Promise<void> {
  const oem = join(folder, 'state/oem');
  expect((await readdir(oem)).toSorted()).toEqual(Object.keys(FILES));
  for (const [name, text] of Object.entries(FILES)) {
    expect(await readFile(join(oem, name), 'utf8')).toBe(text);
    expect((await stat(join(oem, name))).mode & 0o777).toBe(0o600);
  }
  expect(await readdir(join(folder, 'esp/bowline'))).toEqual([]);
}

describe('the first start after an installation', () => {
  it('moves the configuration from the ESP to /oem, where root alone reads it', async () => {
    await install();
    expect(await start()).toBe(true);
    await expectMoved();
  });

  it('leaves no text of it in free clusters of the ESP', async () => {
    await install();
    const seed = join(folder, 'esp/bowline/first-boot/10-install.yaml');
    const freed = join(folder, 'freed');
    await link(seed, freed);
    expect(await start()).toBe(true);
    expect(await readFile(freed, 'utf8')).toBe(' '.repeat(FILES['10-install.yaml'].length));
  });

  it('comes to the same wherever power fails', async () => {
    for (let after = 0; ; after += 1) {
      await install();
      if (await start(after)) break;
      await start();
      await expectMoved();
    }
  });
});
