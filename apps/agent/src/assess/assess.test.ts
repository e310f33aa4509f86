import { access, chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BLESSED_FILE, BOOT_FILE, type BootTries, ESP_FILES, ESP_FOLDER, LIFECYCLE_FILE } from '@bowline/os-layout';
import { formatLifecycle, type HealthCheck, type LifecycleDocument } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeBootMenu } from '../boot-menu/fake-boot-menu.ts';
import { AgentError } from '../error.ts';
import { findVersion, type LifecycleRecord, rememberVersion, type VersionRecord } from '../lifecycle-record/record.ts';
import { changeLifecycleRecord, readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { assess } from './assess.ts';
import type { AssessOptions } from './assess-options.ts';
import { type Assessment, readAssessment } from './assessment.ts';
import { decide } from './decide.ts';
import { readEspReason, writeEspReason } from './esp-reason.ts';

const AT = '2026-01-02T03:04:05.000Z';
const TRIAL: BootTries = { left: 2, done: 1 };
const BAD: BootTries = { left: 0, done: 3 };
const DIGEST = `sha256:${'1'.repeat(64)}`;

let test: TestMachine;
let menu: FakeBootMenu;
let said: string[];
let restarts: number;
beforeEach(async () => {
  test = await makeTestMachine();
  menu = new FakeBootMenu();
  menu.ukis.set(DIGEST, 1);
  said = [];
  restarts = 0;
});
afterEach(() => test.remove());

const put = async (path: string, text: string): Promise<void> => {
  const at = join(test.root, path);
  await mkdir(dirname(at), { recursive: true });
  await writeFile(at, text);
};
const program = async (path: string, line: string): Promise<void> => {
  await put(path, `#!/bin/sh\n${line}\n`);
  await chmod(join(test.root, path), 0o755);
};
const exists = (path: string): Promise<boolean> =>
  access(join(test.root, path)).then(
    () => true,
    () => false,
  );
const CHECK: HealthCheck = { kind: 'command', argv: ['/usr/bin/check'], timeoutSeconds: 5 };

function versionOf(generation: number, more: Partial<VersionRecord> = {}): VersionRecord {
  const name = { generation, name: 'edge', version: `1.${generation}`, imageId: `sha256:${generation}` };
  return { ...name, ukiDigest: DIGEST, rootHash: '', slot: 'a', verdict: 'trial', at: AT, ...more };
}

/** A machine that started `running`, which has the tries given, and knows the versions. */
async function started(
  running: number,
  entries: Record<number, BootTries>,
  options: { document?: Partial<LifecycleDocument>; mode?: string; known?: VersionRecord[]; passes?: boolean } = {},
): Promise<void> {
  menu.entries = Object.entries(entries).map(([generation, tries]) => ({
    generation: Number(generation),
    title: `edge of ${generation}`,
    ukiDigest: DIGEST,
    tries,
  }));
  menu.startedAs = {
    entry: menu.entries.find(({ generation }) => generation === running),
    recoveryByFirmware: false,
  };
  const trial = entries[running] === 'good' ? 'no' : 'yes';
  await put(BOOT_FILE, `ENTRY=bowline-${running}\nFIRMWARE=uefi\nMODE=${options.mode ?? 'disk'}\nTRIAL=${trial}\n`);
  const document: LifecycleDocument = {
    lifecycleVersion: 1,
    withinSeconds: 60,
    checks: [CHECK],
    allowDowngrade: false,
    hooks: { beforeUpgrade: [], afterRollback: [] },
    ...options.document,
  };
  await put(LIFECYCLE_FILE, formatLifecycle(document));
  await program('/usr/bin/check', options.passes === false ? 'echo "the socket is gone" >&2; exit 1' : 'exit 0');
  for (const version of options.known ?? [1, 2].map((generation) => versionOf(generation))) {
    await changeLifecycleRecord(test.machine, (record) => rememberVersion(record, version));
  }
}
const run = (more: Partial<AssessOptions> = {}): Promise<Assessment> =>
  assess(test.machine, {
    withMenu: (_machine, work) => work(menu),
    deciding: true,
    dryRun: false,
    say: (line) => void said.push(line),
    pausesMs: [5],
    restart: async () => void (restarts += 1),
    ...more,
  });
const record = async (): Promise<LifecycleRecord> => (await readLifecycleRecord(test.machine)).record;
const SHORT = { withinSeconds: 1 };

describe('what follows from an assessment', () => {
  it.each([
    ['disk', true, true, true, 'bless'],
    ['disk', true, true, false, 'bless'],
    ['disk', true, false, true, 'restart'],
    ['disk', true, false, false, 'note'],
    ['disk', false, true, true, 'note'],
    ['disk', false, false, true, 'note'],
    ['recovery', true, false, true, 'note'],
    ['recovery', true, true, true, 'note'],
    ['live', true, false, true, 'note'],
    ['netboot', true, false, true, 'note'],
    ['reset', true, false, true, 'note'],
    [undefined, true, false, true, 'note'],
  ] as const)('mode %s, on trial %s, healthy %s, deciding %s: %s', (mode, onTrial, healthy, deciding, found) => {
    expect(decide({ mode, onTrial, healthy, deciding })).toBe(found);
  });
});

describe('a version on trial', () => {
  it('is kept when its checks hold, and no clock of the initrd runs any more', async () => {
    await started(2, { 1: 'good', 2: TRIAL });
    expect(await run()).toMatchObject({ healthy: true, onTrial: true, result: 'blessed', rounds: 1 });
    expect(menu.entries.find(({ generation }) => generation === 2)?.tries).toBe('good');
    expect(await exists(BLESSED_FILE)).toBe(true);
    expect(findVersion(await record(), 2)).toMatchObject({ verdict: 'blessed' });
    expect(said).toEqual(['<6>assess: edge 1.2 is healthy: it is kept']);
    expect(restarts).toBe(0);
  });

  it('is blessed once, however often it is asked for', async () => {
    await started(2, { 1: 'good', 2: TRIAL });
    await run();
    said = [];
    expect(await run()).toMatchObject({ healthy: true, onTrial: false, result: 'noted' });
    expect(said).toEqual([]);
  });

  it('gets time until all checks hold at the same moment', async () => {
    await started(2, { 1: 'good', 2: TRIAL });
    const count = join(test.root, 'count');
    await program('/usr/bin/check', `echo x >>${count}; [ "$(wc -l <${count})" -ge 3 ]`);
    expect(await run()).toMatchObject({ healthy: true, rounds: 3 });
  });

  it('restarts when they do not within their time, with the reason where the version before finds it', async () => {
    await started(2, { 1: 'good', 2: TRIAL }, { passes: false, document: SHORT });
    const reason = '/usr/bin/check failed with exit code 1: the socket is gone';
    expect(await run()).toMatchObject({ healthy: false, result: 'restart' });
    expect(restarts).toBe(1);
    expect(await exists(BLESSED_FILE)).toBe(false);
    expect(menu.entries.find(({ generation }) => generation === 2)?.tries).toEqual(TRIAL);
    expect(await readEspReason(test.machine)).toEqual({ entry: 'bowline-2', sentence: reason });
    expect(findVersion(await record(), 2)).toMatchObject({ verdict: 'trial', reason });
    expect(said.at(-1)).toBe(`<4>assess: edge 1.2 is not healthy: ${reason}. Restarting`);
    expect(await readAssessment(test.machine)).toMatchObject({ result: 'restart', healthy: false });
  });

  it('restarts nobody who only asks', async () => {
    await started(2, { 1: 'good', 2: TRIAL }, { passes: false });
    expect(await run({ deciding: false })).toMatchObject({ healthy: false, result: 'noted', rounds: 1 });
    expect(restarts).toBe(0);
    expect(await readEspReason(test.machine)).toBeUndefined();
  });

  it('is left as it is by a dry run', async () => {
    await started(2, { 1: 'good', 2: TRIAL, 3: BAD });
    expect(await run({ dryRun: true })).toMatchObject({ healthy: true, result: 'noted' });
    expect(menu.startedAs.entry?.tries).toEqual(TRIAL);
    expect(await exists(BLESSED_FILE)).toBe(false);
    expect(await readAssessment(test.machine)).toBeUndefined();
    expect((await record()).badImages).toEqual([]);
  });

  it('is not healthy when it cannot be marked as good', async () => {
    await started(2, { 1: 'good', 2: TRIAL }, { document: SHORT });
    menu.bless = () => Promise.reject(new AgentError({ code: 'WRITE_FAILED', message: 'the disk is gone' }));
    expect(await run()).toMatchObject({ healthy: false, result: 'restart' });
    expect((await readEspReason(test.machine))?.sentence).toMatch(/cannot be marked as good: the disk is gone/);
  });

  it.each([true, false])('is judged, healthy or not (%s), when nothing can be kept on state', async (passes) => {
    await started(2, { 1: 'good', 2: TRIAL, 3: BAD }, { passes, document: SHORT });
    await rm(join(test.root, 'var/lib/bowline'), { recursive: true });
    await put('var/lib/bowline', 'no folder');
    const { result, notes } = await run();
    expect(result).toBe(passes ? 'blessed' : 'restart');
    expect(notes).toEqual([expect.stringMatching(/^edge of 3 was given up/)]);
    expect(menu.startedAs.entry?.tries).toEqual(passes ? 'good' : TRIAL);
    expect((await readEspReason(test.machine))?.entry).toBe(passes ? undefined : 'bowline-2');
  });

  it('counts as such by the word of the initrd when the boot menu cannot be read', async () => {
    await started(2, { 1: 'good', 2: TRIAL }, { passes: false, document: SHORT });
    const withMenu = () => Promise.reject(new AgentError({ code: 'ESP_UNAVAILABLE', message: 'no ESP' }));
    expect(await run({ withMenu })).toMatchObject({ onTrial: true, result: 'restart' });
    expect(restarts).toBe(1);
  });

  it('has nothing to prove without checks', async () => {
    await started(2, { 1: 'good', 2: TRIAL }, { document: { checks: [] } });
    expect(await run()).toMatchObject({ result: 'blessed', checks: [] });
  });
});

describe('a version that has proved itself', () => {
  it('is only reported, whatever fails', async () => {
    await started(1, { 1: 'good' }, { passes: false, document: SHORT });
    expect(await run()).toMatchObject({ healthy: false, onTrial: false, result: 'noted' });
    expect(restarts).toBe(0);
    expect(said.at(-1)).toMatch(/^<4>assess: this version is not healthy: .*the socket is gone$/);
    expect(await readAssessment(test.machine)).toMatchObject({ healthy: false });
  });
});

describe('a record that a power cut left behind', () => {
  it('learns from the boot menu that the version has proved itself', async () => {
    await started(2, { 1: 'good', 2: 'good' }, { known: [versionOf(2, { verdict: 'trial', reason: 'too slow' })] });
    await run();
    expect(findVersion(await record(), 2)).toMatchObject({ verdict: 'blessed' });
    expect(findVersion(await record(), 2)).not.toHaveProperty('reason');
  });
});

describe('a start that emptied the state first', () => {
  it('is assessed, and gives nothing up for it: the checks of a fresh state may well fail', async () => {
    await started(2, { 1: 'good', 2: TRIAL }, { passes: false, mode: 'reset', document: SHORT });
    expect(await run()).toMatchObject({ healthy: false, onTrial: true, result: 'noted' });
    expect(restarts).toBe(0);
  });
});

describe('what is no version of the machine', () => {
  it.each(['live', 'netboot', 'recovery'])('is not assessed by itself: %s', async (mode) => {
    await started(1, { 1: TRIAL, 2: BAD }, { passes: false, mode });
    expect(await run()).toMatchObject({ healthy: true, checks: [], result: 'noted', notes: [] });
    expect(await run({ deciding: false })).toMatchObject({ healthy: false, result: 'noted' });
    expect(menu.startedAs.entry?.tries).toEqual(TRIAL);
    expect(restarts).toBe(0);
  });
});

describe('after a version was given up', () => {
  const HOOK = { argv: ['/usr/bin/restore'], timeoutSeconds: 5 };
  const document = { hooks: { beforeUpgrade: [], afterRollback: [HOOK] } };
  const ran = () => readFile(join(test.root, 'restored'), 'utf8').catch(() => '');
  const fellBack = async (more: Parameters<typeof started>[2] = {}): Promise<void> => {
    await started(1, { 1: 'good', 2: BAD }, { document, ...more });
    await program('/usr/bin/restore', `echo back >>${test.root}/restored`);
  };

  it('remembers why, in its own words, and runs what the bowl wants once', async () => {
    await fellBack();
    await writeEspReason(test.machine, { entry: 'bowline-2', sentence: 'http://127.0.0.1/ answered 503' });
    const { notes } = await run();
    expect(notes).toEqual([
      'edge 1.2 was given up: http://127.0.0.1/ answered 503',
      'after the rollback, /usr/bin/restore was run',
    ]);
    expect(findVersion(await record(), 2)).toMatchObject({ verdict: 'bad', reason: 'http://127.0.0.1/ answered 503' });
    expect((await record()).badImages).toMatchObject([{ imageId: 'sha256:2', version: '1.2' }]);
    expect((await run()).notes).toEqual([]);
    expect(await ran()).toBe('back\n');
  });

  it.each([
    ['the reason of another version', 'bowline-7 it was too slow', /did not report/],
    ['no reason', '', /did not report: it panicked, hung, lost power or was reset/],
    ['garbage', '\0\0\u00ff', /did not report/],
  ])('says what can be said with %s', async (_what, text, reason) => {
    await fellBack();
    await put(`${ESP_FOLDER}/${ESP_FILES.reason}`, text);
    await run();
    expect(findVersion(await record(), 2)?.reason).toMatch(reason);
  });

  it('takes what the version itself noted on state when the ESP says nothing', async () => {
    await fellBack({ known: [versionOf(1), versionOf(2, { reason: 'unit a.service is failed' })] });
    await run();
    expect(findVersion(await record(), 2)?.reason).toBe('unit a.service is failed');
  });

  it('tells a version nobody remembers once, and runs nothing for it: the state is new', async () => {
    await fellBack({ known: [] });
    expect((await run()).notes).toEqual([expect.stringMatching(/^edge of 2 was given up: it did not report/)]);
    expect((await run()).notes).toEqual([]);
    expect((await record()).badImages).toEqual([]);
    expect(await ran()).toBe('');
  });

  it('goes on when a hook fails', async () => {
    await fellBack();
    await program('/usr/bin/restore', 'echo no backup >&2; exit 4');
    expect(await run()).toMatchObject({
      healthy: true,
      notes: [expect.anything(), 'after the rollback, /usr/bin/restore failed with exit code 4: no backup'],
    });
  });

  it('runs the hooks once after a rollback by hand, too, and not after an upgrade', async () => {
    const back = versionOf(3, { version: '1.1', imageId: 'sha256:1' });
    await started(2, { 1: 'good', 2: 'good' }, { document });
    await program('/usr/bin/restore', `echo back >>${test.root}/restored`);
    await run();
    expect(await ran()).toBe('');
    await started(3, { 2: 'good', 3: 'good' }, { document, known: [versionOf(1), versionOf(2), back] });
    await run();
    await run();
    expect(await ran()).toBe('back\n');
    await started(4, { 3: 'good', 4: TRIAL }, { document, known: [versionOf(4)] });
    await run();
    expect(await ran()).toBe('back\n');
  });
});

describe('the reason on the ESP', () => {
  it('is one sector, written in place, in plain characters', async () => {
    await writeEspReason(test.machine, { entry: 'bowline-7', sentence: `it is – ${'x'.repeat(1000)}\n` });
    const bytes = await readFile(join(test.root, ESP_FOLDER, ESP_FILES.reason));
    expect(bytes.length).toBe(512);
    expect(bytes.at(-1)).toBe(0x0a);
    await writeEspReason(test.machine, { entry: 'bowline-8', sentence: 'short' });
    expect(await readEspReason(test.machine)).toEqual({ entry: 'bowline-8', sentence: 'short' });
    expect((await readFile(join(test.root, ESP_FOLDER, ESP_FILES.reason))).length).toBe(512);
  });
});
