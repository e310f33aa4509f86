import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readBootState, writeBootSentinel } from './boot-state.ts';
import { makeTestMachine, type TestMachine } from './test-machine.testdata.ts';

let test: TestMachine;
afterEach(() => test.remove());

const record = (verdict: string): string => {
  const image = { name: 'edge', version: '1', imageId: 'sha256:1', ukiDigest: '', rootHash: '', slot: 'a', at: '' };
  return JSON.stringify({ recordVersion: 1, versions: [{ generation: 8, verdict, ...image }] });
};

describe('how the machine was started, in words of Kairos', () => {
  it.each([
    ['MODE=disk\nENTRY=bowline-7', '', 'active_boot', 'active_mode'],
    ['MODE=disk\nENTRY=bowline-7', record('bad'), 'passive_boot', 'passive_mode'],
    ['MODE=disk\nENTRY=bowline-7', record('blessed'), 'passive_boot', 'passive_mode'],
    ['MODE=disk\nENTRY=bowline-7', record('trial'), 'active_boot', 'active_mode'],
    ['MODE=disk\nENTRY=bowline-8', record('trial'), 'active_boot', 'active_mode'],
    ['MODE=disk\nENTRY=', record('bad'), 'active_boot', 'active_mode'],
    ['MODE=live', '', 'livecd_boot', 'live_mode'],
    ['MODE=netboot', '', 'livecd_boot', 'live_mode'],
    ['MODE=recovery', record('bad'), 'recovery_boot', 'recovery_mode'],
    ['MODE=reset', '', 'autoreset_boot', 'autoreset_mode'],
  ])('%j with the record %s', async (conf, known, state, sentinel) => {
    test = await makeTestMachine({
      files: { '/run/bowline/boot.conf': conf, ...(known === '' ? {} : { '/var/lib/bowline/lifecycle.json': known }) },
    });
    expect(await readBootState(test.machine)).toBe(state);
    await writeBootSentinel(test.machine);
    expect(await readdir(join(test.root, 'run/cos'))).toEqual([sentinel]);
  });

  it('is not said where nobody knows', async () => {
    test = await makeTestMachine();
    expect(await readBootState(test.machine)).toBeUndefined();
    await writeBootSentinel(test.machine);
    await expect(readdir(join(test.root, 'run/cos'))).rejects.toThrow('ENOENT');
  });
});
