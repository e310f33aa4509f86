import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeProcesses, type Host } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  debianSources,
  networkOptions,
  parseDeb822Sources,
  parseOneLineSources,
  readAptConfiguration,
} from './apt-configuration.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-apt-'));
  await mkdir(join(folder, 'sources.list.d'));
});
afterEach(() => rm(folder, { recursive: true }));

function host(env: Record<string, string> = {}): Host {
  const processes = new FakeProcesses({ 'apt-config': () => ({ stdout: 'Acquire::http::Proxy=http://proxy:3142\n' }) });
  return { processes, clock: { now: () => new Date(0) }, fetch, env, isRoot: false };
}

describe('parseOneLineSources', () => {
  it('reads type, options, URI, suite and components', () => {
    const text = [
      '# a comment',
      'deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://mirror.test/debian bookworm main contrib # why',
      'deb-src http://mirror.test/debian bookworm main',
      '  deb http://mirror.test/security bookworm-security main',
      'nonsense',
    ].join('\n');
    expect(parseOneLineSources(text)).toEqual([
      {
        uri: 'http://mirror.test/debian',
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        signedBy: '/usr/share/keyrings/k.gpg',
      },
      { uri: 'http://mirror.test/security', suites: ['bookworm-security'], components: ['main'], signedBy: undefined },
    ]);
  });
});

describe('parseDeb822Sources', () => {
  it('reads stanzas with comments, several URIs and continued lines', () => {
    const text = [
      'Types: deb deb-src',
      '# a comment in between',
      'URIs: http://one.test/debian',
      ' http://two.test/debian',
      'Suites: trixie trixie-updates',
      'Components: main',
      'Signed-By:',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
      '',
      'Enabled: no',
      'Types: deb',
      'URIs: http://off.test/debian',
      'Suites: trixie',
      'Components: main',
    ].join('\n');
    expect(parseDeb822Sources(text)).toEqual(
      ['http://one.test/debian', 'http://two.test/debian'].map((uri) => ({
        uri,
        suites: ['trixie', 'trixie-updates'],
        components: ['main'],
        signedBy: undefined,
      })),
    );
  });
});

describe('readAptConfiguration', () => {
  it("takes Debian's archives among other sources, and the proxy", async () => {
    await writeFile(join(folder, 'sources.list'), 'deb http://vendor.test/apt stable-vendor main\n');
    await writeFile(
      join(folder, 'sources.list.d/debian.sources'),
      [
        'Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\n',
        'Types: deb\nURIs: http://mirror.test/security\nSuites: bookworm-security\nComponents: main\n',
      ].join('\n'),
    );
    const found = await readAptConfiguration(host({ https_proxy: 'http://proxy:3128' }), folder);
    expect(found).toMatchObject({
      archive: 'http://mirror.test/debian',
      security: 'http://mirror.test/security',
      env: { https_proxy: 'http://proxy:3128' },
      authFolder: undefined,
    });
    expect(found.options).toContain('Acquire::http::Proxy "http://proxy:3142";');
    const sources = debianSources({ ...found, keyring: '/k.gpg' }, 'trixie');
    expect(sources).toEqual([
      'deb [signed-by=/k.gpg] http://mirror.test/debian trixie main',
      'deb [signed-by=/k.gpg] http://mirror.test/debian trixie-updates main',
      'deb [signed-by=/k.gpg] http://mirror.test/security trixie-security main',
    ]);
    expect(debianSources(found, 'sid')).toHaveLength(1);
  });

  it('lets the environment name the mirror, and knows when there is none', async () => {
    expect((await readAptConfiguration(host(), folder)).archive).toBeUndefined();
    const named = await readAptConfiguration(host({ BOWLINE_DEBIAN_MIRROR: 'http://own.test/debian' }), folder);
    expect(named.archive).toBe('http://own.test/debian');
  });
});

describe('networkOptions', () => {
  it('keeps proxies and certificates, and never what would skip signatures', () => {
    const dump = [
      'Acquire::http::Proxy=http://p:1',
      'Acquire::https::CAInfo=/etc/ca.pem',
      'Acquire::AllowInsecureRepositories=1',
      'APT::Get::AllowUnauthenticated=1',
      'Acquire::http::Proxy-Auto-Detect=x";Dir "/',
    ].join('\n');
    expect(networkOptions(dump)).toBe(
      [
        'Acquire::Retries "3";',
        'Acquire::http::Timeout "60";',
        'Acquire::https::Timeout "60";',
        'Acquire::http::Proxy "http://p:1";',
        'Acquire::https::CAInfo "/etc/ca.pem";',
        '',
      ].join('\n'),
    );
  });
});
