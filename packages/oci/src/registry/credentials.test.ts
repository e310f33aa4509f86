import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host, ProcessSpec } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDockerCredentials } from './credentials.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'oci-login-'));
  await mkdir(join(home, '.docker'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const encode = (text: string): string => Buffer.from(text).toString('base64');
const config = (content: unknown) =>
  writeFile(join(home, '.docker', 'config.json'), typeof content === 'string' ? content : JSON.stringify(content));

/** A host whose only program is a credential helper. */
function hostWith(helper?: (spec: ProcessSpec, input: string) => { exitCode: number; output: string }) {
  const seen: string[] = [];
  const host: Pick<Host, 'processes' | 'env'> = {
    env: { HOME: home },
    processes: {
      run: async (spec) => {
        if (helper === undefined) throw Object.assign(new Error('not found'), { code: 'PROCESS_NOT_FOUND' });
        const input = spec.stdin?.kind === 'bytes' ? new TextDecoder().decode(spec.stdin.bytes) : '';
        seen.push(`${spec.argv.join(' ')} < ${input}`);
        const { exitCode, output } = helper(spec, input);
        return { exitCode, stdout: new TextEncoder().encode(output), stderrTail: '' };
      },
      spawn: () => {
        throw new Error('not here');
      },
    },
  };
  return { find: findDockerCredentials(host), seen };
}

describe('findDockerCredentials', () => {
  it('is anonymous without a file', async () => {
    expect(await hostWith().find('r.example', 'a')).toBeUndefined();
  });

  it('reads user and password, with colons in the password', async () => {
    await config({ auths: { 'r.example': { auth: encode('joe:a:b') } } });
    expect(await hostWith().find('r.example', 'x')).toEqual({ kind: 'basic', username: 'joe', password: 'a:b' });
    expect(await hostWith().find('other.example', 'x')).toBeUndefined();
  });

  it('takes the narrowest entry', async () => {
    await config({
      auths: { 'r.example': { auth: encode('wide:1') }, 'r.example/team/app': { auth: encode('narrow:2') } },
    });
    expect(await hostWith().find('r.example', 'team/app')).toMatchObject({ username: 'narrow' });
    expect(await hostWith().find('r.example', 'team/application')).toMatchObject({ username: 'wide' });
  });

  it('knows the old address of Docker Hub, and identity and registry tokens', async () => {
    await config({
      auths: {
        'https://index.docker.io/v1/': { auth: encode('hub:1') },
        'i.example': { auth: encode('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' },
        'b.example': { registrytoken: 'raw' },
      },
    });
    expect(await hostWith().find('docker.io', 'library/debian')).toMatchObject({ username: 'hub' });
    expect(await hostWith().find('i.example', 'a')).toEqual({ kind: 'refresh-token', token: 'refresh' });
    expect(await hostWith().find('b.example', 'a')).toEqual({ kind: 'bearer', token: 'raw' });
  });

  it('asks the helper of the host, on standard input', async () => {
    await config({ credHelpers: { 'r.example': 'vault' }, auths: { 'r.example': { auth: encode('file:1') } } });
    const { find, seen } = hostWith(() => ({
      exitCode: 0,
      output: JSON.stringify({ ServerURL: 'x', Username: 'h', Secret: 's' }),
    }));
    expect(await find('r.example', 'a')).toEqual({ kind: 'basic', username: 'h', password: 's' });
    expect(seen).toEqual(['docker-credential-vault get < r.example']);
  });

  it('asks the store, and falls back to the file when that knows nothing', async () => {
    await config({ credsStore: 'desk', auths: { 'r.example': { auth: encode('file:1') } } });
    const { find } = hostWith(() => ({ exitCode: 1, output: 'credentials not found in native keychain\n' }));
    expect(await find('r.example', 'a')).toMatchObject({ username: 'file' });
    const tokens = hostWith(() => ({ exitCode: 0, output: JSON.stringify({ Username: '<token>', Secret: 't' }) }));
    expect(await tokens.find('r.example', 'a')).toEqual({ kind: 'refresh-token', token: 't' });
  });

  it.each([
    ['is missing', 'vault', undefined],
    ['fails', 'vault', () => ({ exitCode: 1, output: 'locked' })],
    ['says nonsense', 'vault', () => ({ exitCode: 0, output: 'top-secret' })],
    ['has a path as its name', '../../bin/sh', () => ({ exitCode: 0, output: '{}' })],
  ])('says so when the helper %s', async (_name, helper, answer) => {
    await config({ credHelpers: { 'r.example': helper } });
    const error: unknown = await hostWith(answer)
      .find('r.example', 'a')
      .catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', message: expect.stringContaining('docker-credential-') });
    expect(`${(error as Error).message} ${(error as Error).stack}`).not.toContain('top-secret');
  });

  it('does not quote a broken file, which holds passwords', async () => {
    await config('{"auths": {"r.example": {"auth": "c2VjcmV0');
    const error: unknown = await hostWith()
      .find('r.example', 'a')
      .catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', message: expect.stringContaining('config.json') });
    expect((error as { cause?: unknown }).cause).toBeUndefined();
    expect((error as Error).message).not.toContain('c2Vj');
  });
});
