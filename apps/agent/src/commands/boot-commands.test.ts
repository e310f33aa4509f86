import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { nodeHost } from '@bowline/host';
import { BOOT_FILE, ESP_FILES, ESP_FOLDER, parseGrubEnvironment } from '@bowline/os-layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAgent } from '../agent.ts';
import { makeTestUki } from '../boot-menu/test-uki.testdata.ts';
import { withBootMenu } from '../boot-menu/with-boot-menu.ts';
import { rememberVersion } from '../lifecycle-record/record.ts';
import { changeLifecycleRecord, readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';

let test: TestMachine;
/** A machine with two versions and a recovery, of which the newer runs. */
beforeEach(async () => {
  test = await makeTestMachine();
  const { machine } = test;
  await mkdir(machine.locate(ESP_FOLDER), { recursive: true });
  await mkdir(machine.locate('/sys/firmware/efi/efivars'), { recursive: true });
  await writeFile(machine.locate(BOOT_FILE), 'ENTRY=bowline-2\nFIRMWARE=bios\nMODE=disk\n');
  await withBootMenu(machine, async (menu) => {
    for (const [generation, version] of [
      [1, 'a'],
      [2, 'b'],
      ['recovery', 'b'],
    ] as const) {
      const { bytes, digest } = makeTestUki(version);
      await menu.addUki(
        digest,
        async function* () {
          yield bytes;
        },
        bytes.length,
      );
      const { commit } = await menu.prepare({
        generation,
        title: `edge ${generation}`,
        ukiDigest: digest,
        tries: 'good',
      });
      await commit();
    }
  });
});
afterEach(() => test.remove());

async function agent(...argv: string[]) {
  let stdout = '';
  let stderr = '';
  const exitCode = await runAgent(argv, {
    host: async () => nodeHost(),
    cwd: test.root,
    version: '1.2.3',
    root: test.root,
    signal: new AbortController().signal,
    stdout: async (text) => void (stdout += text),
    stderr: async (text) => void (stderr += text),
  });
  return { exitCode, stdout, stderr };
}

describe('bootentry', () => {
  it('lists what the machine can start, in that order', async () => {
    const { stdout } = await agent('bootentry');
    expect(stdout).toBe('2         edge 2 (running)\n1         edge 1\nrecovery  edge recovery\n');
    expect(JSON.parse((await agent('bootentry', 'list', '--json')).stdout)).toMatchObject({
      firmware: 'bios',
      running: 2,
      entries: [{ generation: 2 }, { generation: 1 }, { generation: 'recovery' }],
    });
  });

  it('chooses for the next start, as Kairos does', async () => {
    expect((await agent('bootentry', '--select', 'passive')).stdout).toContain('edge 1; the one after it is as before');
    expect((await agent('bootentry', 'select', 'recovery')).stdout).toContain('edge recovery; the one after');
    const block = await readFile(test.machine.locate(`${ESP_FOLDER}/${ESP_FILES.grubEnvironment}`));
    expect(parseGrubEnvironment(block)).toEqual({ once: 'bowline-recovery' });
    expect((await agent('bootentry')).stdout).toMatch(/^2 /);
  });

  it('chooses for good', async () => {
    expect((await agent('bootentry', 'select', '1')).stdout).toContain('edge 1, and so are all after it');
    expect((await agent('bootentry')).stdout).toMatch(/^3 +edge 1\n2 +edge 2 \(running\)\nrecovery/);
  });

  it('knows no other names', async () => {
    const { exitCode, stderr } = await agent('bootentry', 'select', 'cos');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('The boot menu has no "cos"')]);
  });
});

describe('rollback', () => {
  it('goes to the version before, and remembers it under its new number', async () => {
    const version = {
      name: 'edge',
      version: '1',
      imageId: 'sha256:i',
      ukiDigest: '',
      rootHash: '',
      slot: 'a',
    } as const;
    await changeLifecycleRecord(test.machine, (record) =>
      rememberVersion(record, { ...version, generation: 1, verdict: 'blessed', at: '2026-01-01T00:00:00.000Z' }),
    );
    expect(JSON.parse((await agent('rollback', '--json')).stdout)).toEqual({
      title: 'edge 1',
      generation: 3,
      before: 1,
      rebooting: false,
    });
    const { record } = await readLifecycleRecord(test.machine);
    expect(record.versions.map(({ generation, verdict }) => [generation, verdict])).toEqual([
      [1, 'blessed'],
      [3, 'blessed'],
    ]);
    expect((await agent('bootentry')).stdout).toMatch(/^3 +edge 1\n2 +edge 2/);
  });

  it('refuses when there is none', async () => {
    await withBootMenu(test.machine, (menu) => menu.remove(1));
    const { exitCode, stderr } = await agent('rollback');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('no older version that has proved itself')]);
  });
});
