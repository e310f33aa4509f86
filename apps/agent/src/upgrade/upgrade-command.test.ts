import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nodeHost } from '@bowline/host';
import { LIFECYCLE_FILE, TRIAL_FILE } from '@bowline/os-layout';
import { formatLifecycle, type LifecycleDocument } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestUki } from '../boot-menu/test-uki.testdata.ts';
import { openBootMenu } from '../boot-menu/with-boot-menu.ts';
import { upgrade } from '../commands/upgrade.ts';
import { findBadImage, judgeVersion } from '../lifecycle-record/record.ts';
import { changeLifecycleRecord, LIFECYCLE_RECORD_FILE, readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import {
  makeRoot,
  rootHashOf,
  type TestRelease,
  type TestReleaseWish,
  writeTestRelease,
} from '../release/release-fixture.testdata.ts';
import { forecast } from './boot-forecast.testdata.ts';
import { withLifecycleLock } from './lifecycle-lock.ts';
import { makeTestSystem, type TestSystem } from './test-system.testdata.ts';
import { makeTestVersion } from './test-version.testdata.ts';

const OLD = makeTestVersion('2');

let system: TestSystem;
let said: string[];
beforeEach(async () => {
  said = [];
  system = await makeTestSystem([
    { version: '2', slot: 'a', tries: 'good', generation: 2 },
    { version: '1', slot: 'b', tries: 'good', generation: 1 },
  ]);
});
afterEach(() => system.remove());

const pathOf = (path: string) => join(system.machine.root, path);
async function put(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(pathOf(path)), { recursive: true });
  await writeFile(pathOf(path), text, { mode });
}

let releases = 0;
async function release(version: string, wish: Partial<TestReleaseWish> = {}): Promise<TestRelease> {
  const root = makeRoot(Number(version), 300_000);
  const uki = makeTestUki(rootHashOf(root)).bytes;
  releases += 1;
  const folder = `/release-${releases}`;
  return { ...(await writeTestRelease({ folder: pathOf(folder), root, uki, version, ...wish })), folder };
}

async function run(options: Record<string, unknown>) {
  const { machine } = system;
  const context = { host: nodeHost(), machine, signal: machine.signal, cwd: '/', version: '0', json: true };
  return upgrade.run([], options, { ...context, say: (line) => void said.push(line) });
}

async function setLifecycle(change: Partial<LifecycleDocument>): Promise<void> {
  const nothing = { beforeUpgrade: [], afterRollback: [] };
  const document = {
    lifecycleVersion: 1,
    withinSeconds: 60,
    checks: [],
    allowDowngrade: false,
    hooks: nothing,
  } as const;
  await put(LIFECYCLE_FILE, formatLifecycle({ ...document, checks: [], ...change }));
}

describe('bowline-agent upgrade', () => {
  it('writes a version beside the one that runs, says what happens next, and does nothing when called again', async () => {
    const { folder, document } = await release('3');
    const { text, json } = await run({ source: folder });
    expect(text).toMatch(/^edge 3 is written to slot B\.\n.* were fetched, .*\nThe next start tries it;/);
    expect(json).toMatchObject({ result: 'written', slot: 'b', generation: 3, afterwards: 'nothing' });
    const { starts, sound } = await forecast(system);
    expect([starts, sound.includes(OLD.rootHash)]).toEqual([document.verity.rootHash, true]);
    expect((await readLifecycleRecord(system.machine)).record.versions.at(-1)).toMatchObject({
      generation: 3,
      version: '3',
      verdict: 'trial',
      slot: 'b',
      imageId: document.imageId,
    });
    expect((await run({ source: folder })).text).toMatch(/^edge 3 is in place already: nothing was written\./);
    expect(said).toContainEqual(expect.stringMatching(/^warning: .* without a signature/));
  });

  it('does nothing when the version runs', async () => {
    const { folder } = await release('3', { document: { imageId: OLD.imageId as `sha256:${string}` } });
    expect(await run({ source: folder })).toMatchObject({ text: 'edge 3 runs already: nothing was done.' });
    expect((await forecast(system)).starts).toBe(OLD.rootHash);
  });

  it('refuses a version that failed, with the reason, and takes it by force', async () => {
    const { folder, document } = await release('3');
    await run({ source: folder });
    await (await openBootMenu(system.machine, system.esp)).markBad(3);
    const reason = 'The check http did not answer.';
    await changeLifecycleRecord(system.machine, (record) =>
      judgeVersion(record, 3, { verdict: 'bad', reason, at: '2026-05-06T07:08:09Z' }),
    );
    await expect(run({ source: folder })).rejects.toMatchObject({
      code: 'VERSION_BAD',
      message: 'edge 3 is not taken: It was tried on 2026-05-06 and failed: The check http did not answer.',
    });
    expect(await run({ source: folder, force: true })).toMatchObject({
      json: { result: 'written', generation: 4, slot: 'b' },
    });
    const { record } = await readLifecycleRecord(system.machine);
    expect(findBadImage(record, document.imageId)).toMatchObject({ reason });
  });

  it('names all that speaks against a version at once, and writes nothing', async () => {
    const { folder } = await release('1', { document: { debug: true, layoutVersion: 9 } });
    await put(TRIAL_FILE, '');
    const before = await readFile(system.disk.file);
    const refused = await run({ source: folder }).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      details: {
        refusals: ['RELEASE_UNFIT', 'RELEASE_UNFIT', 'VERSION_UNPROVEN', 'DOWNGRADE_REFUSED'].map((code) =>
          expect.objectContaining({ code }),
        ),
      },
    });
    expect((await readFile(system.disk.file)).equals(before)).toBe(true);
  });

  it('takes an older version when it is allowed to: by the command, or by the bowl', async () => {
    const { folder } = await release('1');
    await expect(run({ source: folder })).rejects.toMatchObject({ code: 'DOWNGRADE_REFUSED' });
    expect(await run({ source: folder, allowDowngrade: true })).toMatchObject({ json: { result: 'written' } });
    const another = await release('0');
    await setLifecycle({ allowDowngrade: true });
    expect(await run({ source: another.folder })).toMatchObject({ json: { result: 'written', slot: 'b' } });
  });

  it('runs the hooks of the image first; one that fails stops it before anything is written', async () => {
    await put(
      '/usr/bin/backup',
      '#!/bin/sh\necho "from $BOWLINE_FROM_VERSION to $BOWLINE_TO_VERSION: no room" >&2\nexit 3\n',
      0o755,
    );
    await setLifecycle({
      hooks: { beforeUpgrade: [{ argv: ['/usr/bin/backup'], timeoutSeconds: 10 }], afterRollback: [] },
    });
    const { folder } = await release('3');
    await expect(run({ source: folder })).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: expect.stringMatching(/backup .* exit code 3: from 2 to 3: no room\. Nothing was written\./),
    });
    expect((await forecast(system)).sound).toContain(makeTestVersion('1').rootHash);
    await put('/usr/bin/backup', '#!/bin/sh\nexit 0\n', 0o755);
    expect(await run({ source: folder })).toMatchObject({ json: { result: 'written' } });
  });

  it('takes the source from the cloud-config, else from the bowl, and says which keys do nothing', async () => {
    await expect(run({})).rejects.toMatchObject({ code: 'USAGE' });
    const [third, fourth] = [await release('3'), await release('4')];
    await setLifecycle({ source: third.folder });
    expect(await run({})).toMatchObject({ json: { version: '3' } });
    await put(
      '/oem/90.yaml',
      `#cloud-config\nupgrade:\n  excluded-paths: [/usr/share/doc]\n  system:\n    source: ${fourth.folder}\n`,
    );
    expect(await run({})).toMatchObject({ json: { version: '4' } });
    expect(said).toContainEqual(expect.stringMatching(/^warning: upgrade\.excluded-paths does nothing/));
  });

  it('waits until the machine has filled its recovery, and says so', async () => {
    const { folder } = await release('3');
    let isFilled = false;
    const fill = withLifecycleLock(
      system.machine,
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        isFilled = true;
      },
      { isService: true },
    );
    const result = run({ source: folder }).then((outcome) => ({ outcome, isFilled }));
    await fill;
    expect(await result).toMatchObject({ outcome: { json: { result: 'written' } }, isFilled: true });
    expect(said).toContainEqual(expect.stringMatching(/^waiting until the recovery/));
  });

  it('waits for nobody: another upgrade is an error', async () => {
    const { folder } = await release('3');
    await withLifecycleLock(system.machine, async () => {
      await expect(run({ source: folder })).rejects.toMatchObject({ code: 'LIFECYCLE_BUSY' });
    });
    expect(await run({ source: folder })).toMatchObject({ json: { result: 'written' } });
  });

  it('does not need what the machine remembers', async () => {
    await put(LIFECYCLE_RECORD_FILE, '{"recordVersion":');
    const { folder } = await release('3');
    expect(await run({ source: folder })).toMatchObject({ json: { result: 'written', slot: 'b' } });
    expect(said).toContainEqual(expect.stringMatching(/lifecycle\.json cannot be used/));
    expect((await forecast(system)).sound).toContain(OLD.rootHash);
  });

  it('restarts the machine when it is told to', async () => {
    await put('/usr/bin/systemctl', `#!/bin/sh\necho "$@" >${pathOf('restarted')}\n`, 0o755);
    const { folder } = await release('3');
    expect((await run({ source: folder, reboot: true })).text).toMatch(/The machine restarts into it now\.$/);
    expect(await readFile(pathOf('restarted'), 'utf8')).toBe('reboot\n');
  });
});

describe('bowline-agent upgrade --recovery', () => {
  it('makes the version that runs the recovery, too, once', async () => {
    expect(await run({ recovery: true })).toMatchObject({ json: { kind: 'filled', version: '2' } });
    const menu = await openBootMenu(system.machine, system.esp);
    expect((await menu.list()).map(({ generation, profile }) => [generation, profile])).toEqual([
      [2, undefined],
      [1, undefined],
      ['recovery', 2],
    ]);
    expect((await forecast(system)).fails).toEqual([]);
    await menu.markBad(1);
    await menu.markBad(2);
    expect((await forecast(system)).starts).toBe(OLD.rootHash);
    expect(await run({ recovery: true })).toMatchObject({ json: { kind: 'there' } });
  });

  it('takes a release that is named', async () => {
    const { folder, document } = await release('3');
    expect((await run({ recovery: true, source: folder })).text).toMatch(/It is the recovery system now;/);
    const { starts, sound } = await forecast(system);
    expect(sound).toContain(document.verity.rootHash);
    expect(starts).not.toBe(document.verity.rootHash);
  });

  it('waits until the version has proved itself', async () => {
    await put(TRIAL_FILE, '');
    await expect(run({ recovery: true })).rejects.toMatchObject({ code: 'VERSION_UNPROVEN' });
  });
});

describe('bowline-agent upgrade --dry-run', () => {
  it('says what would change and whether it would start, and writes nothing', async () => {
    await put(
      '/var/lib/dpkg/status',
      ['bash 5.2', 'curl 8.0', 'gone 1']
        .map((one) => one.split(' '))
        .map(([name, version]) => `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\n`)
        .join('\n'),
    );
    await put('/proc/cmdline', `roothash=${OLD.rootHash} quiet panic=5\n`);
    await put('/proc/sys/kernel/osrelease', '6.12.0\n');
    await put('/usr/lib/systemd/system/old.service', '');
    const { folder } = await release('3', {
      inventory: {
        packages: { bash: '5.2', curl: '8.1', fresh: '2' },
        units: ['new.service'],
        kernelArguments: ['quiet', 'gpt'],
        initrdModules: ['virtio_blk'],
      },
    });
    const before = await readFile(system.disk.file);
    const { text, json, exitCode } = await run({ source: folder, dryRun: true });
    expect(text).toMatch(/^edge 2 would become edge 3, in slot B\.$/m);
    expect(text).toMatch(
      /packages: 1 added, 1 removed, 1 changed, 1 the same\n {4}\+fresh\n {4}-gone\n {4}curl 8\.0 -> 8\.1/,
    );
    expect(text).toMatch(/kernel: 6\.12\.0 -> 6\.12\.1/);
    expect(text).toMatch(/kernel arguments: 1 added, 1 removed\n {4}\+gpt\n {4}-panic=5/);
    expect(text).toMatch(/units: 1 added, 1 removed/);
    expect(text).toMatch(/Secure Boot: yes: This machine has no Secure Boot\./);
    expect(json).toMatchObject({ result: 'written', slot: 'b', start: { slotFits: true } });
    expect(exitCode).toBe(0);
    expect((await readFile(system.disk.file)).equals(before)).toBe(true);
    expect((await openBootMenu(system.machine, system.esp).then((menu) => menu.list())).length).toBe(2);
  });

  it('says why a version would be refused, as an error', async () => {
    const { folder } = await release('1');
    const { text, exitCode } = await run({ source: folder, dryRun: true });
    expect(text).toMatch(
      /^edge 1 would not be taken:\n {2}It is older than version 2, which runs\. \(DOWNGRADE_REFUSED\)/,
    );
    expect(exitCode).toBe(2);
  });
});
