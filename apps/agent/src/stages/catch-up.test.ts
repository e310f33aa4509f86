import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { fileText } from '../plugins/run-plugin.testdata.ts';
import { catchUp } from './catch-up.ts';
import { runStage } from './run-stage.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(() => test.remove());

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(test.root, path)), { recursive: true });
  await writeFile(join(test.root, path), text);
}

const step = (name: string) => `[{ files: [{ path: /etc/${name}, content: done, permissions: 0644 }] }]`;
const userdata = `#cloud-config\nstages:\n  initramfs: ${step('early')}\n  boot: ${step('boot')}\n  network: ${step('late')}\n`;

describe('user data that comes late', () => {
  beforeEach(async () => {
    await put('/var/lib/cloud/seed/nocloud/user-data', userdata);
    await put(
      '/oem/00-datasource.yaml',
      '#cloud-config\nstages:\n  network: [{ datasource: { providers: [nocloud] } }]\n',
    );
  });

  it('gets the stages that it missed, and its own', async () => {
    const record = await runStage('network', test.machine);
    const records = await catchUp(record, test.machine, {});
    expect(records.map(({ stage }) => stage)).toEqual(['initramfs', 'fs', 'boot', 'network']);
    for (const name of ['early', 'boot', 'late']) expect(await fileText(test, `/etc/${name}`)).toBe('done');
  });

  it('is no reason to repeat anything when it is known already', async () => {
    await catchUp(await runStage('network', test.machine), test.machine, {});
    expect(await catchUp(await runStage('network', test.machine), test.machine, {})).toEqual([]);
  });
});
