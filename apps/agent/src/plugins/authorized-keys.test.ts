import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { authorizedKeys } from './authorized-keys.ts';

const KEY = `ssh-ed25519 ${Buffer.from([0, 0, 0, 11, ...Buffer.from('ssh-ed25519'), 0, 0, 0, 32, ...Array<number>(32).fill(7)]).toString('base64')}`;

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
  await mkdir(join(test.root, '/home/self'), { recursive: true });
});
afterEach(() => test.remove());

it('lets a user in, once', async () => {
  const [action] = authorizedKeys.actions({ self: [KEY] }, {});
  expect(await action?.run(test.machine)).toEqual({ changed: true });
  expect(await action?.run(test.machine)).toEqual({ changed: false });
  expect(await readFile(join(test.root, '/home/self/.ssh/authorized_keys'), 'utf8')).toBe(`${KEY}\n`);
});

it('fails for a user that is not there', async () => {
  const [action] = authorizedKeys.actions({ nobody2: [KEY] }, {});
  await expect(action?.run(test.machine)).rejects.toMatchObject({ code: 'ACCOUNT_INVALID' });
});

it.each(['ssh-ed25519 AAAA', 'bitbucket:ada', 'github:', 'github:a/b', 'file:///etc/shadow', ''])(
  'takes no source like %j, and does not repeat it',
  async (source) => {
    const [action] = authorizedKeys.actions({ self: [source, KEY] }, {});
    const error = await action?.run(test.machine).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'STEP_FAILED', message: expect.stringContaining('neither a public key') });
    expect(await readFile(join(test.root, '/home/self/.ssh/authorized_keys'), 'utf8')).toBe(`${KEY}\n`);
  },
);

it('shows sources in a dry run, but neither keys nor secrets of addresses', () => {
  const sources = [KEY, 'github:ada', 'https://ada:geheim@example.com/keys?token=geheim'];
  const [action] = authorizedKeys.actions({ self: sources }, {});
  expect(action?.summary).toBe('let self in with 1 key, github:ada, https://example.com/keys');
});
