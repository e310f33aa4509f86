import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runShell, scriptText } from './run-script.testdata.ts';

const FILES = [
  '.bowline/image',
  '.bowline/delivered.json',
  '.hidden/file',
  'etc/machine-id',
  'home/user/.ssh/authorized_keys',
  'home/user/notes',
  'oem/90-user.yaml',
  'overlay/opt/upper/tool',
  'var/lib/app/data',
  'var/lib/app/deep/er/file',
  'var/log/messages',
];
let folder = '';
let state = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-reset-'));
  state = join(folder, 'state');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fill(request: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const path of FILES) {
    await mkdir(dirname(join(state, path)), { recursive: true });
    await writeFile(join(state, path), path);
  }
  await mkdir(join(folder, 'esp/bowline'), { recursive: true });
  await mkdir(join(folder, 'run'));
  await writeFile(join(folder, 'esp/bowline/reset'), request);
}

/** What the guard and setup do of a reset. `cutAfter`: power fails before the step with this number. */
async function start(cutAfter = 1e9): Promise<string> {
  const here = (text: string): string => text.replaceAll('/run/bowline', `${folder}/run`);
  // Every program that changes something is a step.
  const steps = `
    step() { count=$((count + 1)); [ $count -le ${cutAfter} ] || { echo "power cut"; kill -9 $$; }; }
    count=0
    ${['mv', 'rm', 'mkdir', 'chown', 'chmod', 'cp'].map((name) => `${name}() { step; command ${name} "$@"; }`).join('\n')}
    sync() { :; }
    command rm -f ${folder}/run/requested-reset
    [ ! -e ${folder}/esp/bowline/reset ] || : >${folder}/run/requested-reset
    esp_folder=${folder}/esp
    with_esp() { "$1"; }`;
  const pieces = await Promise.all(['reset', 'requests'].map(scriptText));
  const withoutMount = (text: string): string => text.replace(/with_esp\(\) \{[\s\S]*?\n\}\n/, '');
  return runShell([`state=${state}`, ...pieces.map((text) => here(withoutMount(text))), steps, 'set -e; serve_reset'], {
    command_line: '',
  }).catch(() => 'power cut');
}

async function left(top: string): Promise<string[]> {
  const names = await readdir(top, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(top.length + 1))
    .toSorted();
}

const CASES: readonly [string, string, string[]][] = [
  ['nothing asked: /oem only', 'end\n', ['oem/90-user.yaml']],
  ['/oem too', 'drop-oem\nend\n', []],
  ['a kept file', 'keep etc/machine-id\nend\n', ['etc/machine-id', 'oem/90-user.yaml']],
  [
    'kept folders',
    'drop-oem\nkeep var/lib/app\nkeep home/user/.ssh\nkeep not/there\nend\n',
    ['home/user/.ssh/authorized_keys', 'var/lib/app/data', 'var/lib/app/deep/er/file'],
  ],
  ['a path of what stays anyway', 'keep oem/90-user.yaml\nend\n', ['oem/90-user.yaml']],
  ['paths that lead elsewhere', 'keep ../run\nkeep var/../..\nkeep .\nkeep \nkeep /etc\nend\n', ['oem/90-user.yaml']],
];

describe('a reset of the state', () => {
  it.each(CASES)('%s', async (_what, request, kept) => {
    await fill(request);
    expect(await start()).toContain('RESET: done');
    expect(await left(state)).toEqual(kept);
    expect(await readdir(join(folder, 'esp/bowline'))).toEqual([]);
    for (const path of kept) expect(await readFile(join(state, path), 'utf8')).toBe(path);
  });

  it('comes to the same wherever power fails, and how often', async () => {
    const request = 'drop-oem\nkeep var/lib/app\nkeep home/user/.ssh\nend\n';
    const kept = ['home/user/.ssh/authorized_keys', 'var/lib/app/data', 'var/lib/app/deep/er/file'];
    let cuts = 0;
    for (let after = 0; ; after += 1) {
      await fill(request);
      if ((await start(after)).includes('RESET: done')) break;
      cuts += 1;
      await start(after + 1);
      await start();
      expect([after, await left(state)]).toEqual([after, kept]);
      expect(await readdir(join(folder, 'esp/bowline'))).toEqual([]);
    }
    expect(cuts).toBeGreaterThan(15);
  });

  it.each(['', 'drop-oem\n', 'drop-oem\nen'])('is none when the request was cut off: %j', async (request) => {
    await fill(request);
    expect(await start()).toBe('say the request for a reset is not whole: nothing is reset\n');
    expect((await left(state)).length).toBe(FILES.length);
    expect(await readdir(join(folder, 'esp/bowline'))).toEqual([]);
  });

  it('is none without a request', async () => {
    await fill('');
    await rm(join(folder, 'esp/bowline/reset'));
    expect(await start()).toBe('');
    expect((await left(state)).length).toBe(FILES.length);
  });
});
