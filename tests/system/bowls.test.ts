import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeHeader, NO_XATTRS, TAR_END, tarPadding } from '@bowline/formats';
import { LocalBlobStore, nodeHost } from '@bowline/host';
import { MEDIA_TYPES, writeOciLayout } from '@bowline/oci';
import type { Bowl } from '@bowline/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBowl } from '../../apps/cli/src/bowl-file.ts';
import { readyBowls } from '../../apps/cli/src/places.ts';
import { treeReader } from '../../packages/image/src/compose/read-tree.ts';
import { choosePackageManager } from '../../packages/image/src/packages/choose.ts';
import { resolveBowl } from '../../packages/image/src/resolve/resolve-bowl.ts';
import { readTree } from '../../packages/image/src/sources/part-of-tree.ts';
import { DEFAULT_LAYER_LIMITS } from '../../packages/image/src/sources/source.ts';
import { bowline, bowlineJson, PROJECT } from './fixtures/cli.ts';
import { silentProgress } from './fixtures/tiny-root.ts';

const NAMES = await readyBowls(PROJECT);

let lab = '';
beforeAll(async () => {
  lab = await mkdtemp(join(tmpdir(), 'bowline-ready-'));
});
afterAll(() => rm(lab, { recursive: true, force: true }));

interface Listed {
  name: string;
  version: string;
  arch: string[];
  description: string;
  status: string;
}

const listed = async (): Promise<Listed[]> => (await bowlineJson<{ bowls: Listed[] }>(['list'])).bowls;

describe('the ready bowls', () => {
  it('are those that the project promises', () => {
    expect(NAMES).toEqual([
      'alpine',
      'debian-12',
      'fedora',
      'from-dockerfile',
      'legacy-sysv',
      'opensuse-leap',
      'rocky-9',
      'starter',
      'ubuntu-24.04',
      'vendor-rootfs',
    ]);
  });

  it.each(NAMES)('%s is valid, without a warning, and says what it is', async (name) => {
    const run = await bowline(['validate', name]);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.stdout + run.stderr).not.toMatch(/warning/i);
    const readme = await readFile(join(PROJECT, 'bowls', name, 'README.md'), 'utf8');
    expect(readme).toMatch(new RegExp(`^# ${name.replaceAll('.', '\\.')}\n\n\\S`));
    const bowl = (await listed()).find((one) => one.name === name);
    expect(bowl?.description).not.toBe('');
    expect(bowl?.arch).toContain('amd64');
  });

  it('have one status each, which is the one of the table in the README', async () => {
    const readme = await readFile(join(PROJECT, 'README.md'), 'utf8');
    const table = readme.slice(readme.indexOf('| ready bowl | status |'));
    const rows = [...table.matchAll(/^\| ([a-z0-9.-]+) \| (.+) \|$/gm)].map(([, name, status]) => `${name}: ${status}`);
    const fromList = (await listed()).map(({ name, status }) => `${name}: ${status}`);
    expect(new Set(rows)).toEqual(new Set(fromList));
    expect(rows).toHaveLength(NAMES.length);
    for (const row of rows) expect(row).toMatch(/: (built and booted in the tests|.*not booted yet)$/);
  });

  it('are called booted only when a test boots them', async () => {
    const tests = await readFile(join(PROJECT, 'tests/system/bowls-boot.test.ts'), 'utf8');
    const machines = await readFile(join(PROJECT, 'tests/system/machine-starter.test.ts'), 'utf8').catch(() => '');
    for (const { name, status } of await listed()) {
      const isBooted = `${tests}${machines}`.includes(name);
      expect([name, isBooted]).toEqual([name, !status.includes('not booted yet')]);
    }
  });

  it.each(NAMES)('%s can be extended by name', async (name) => {
    const folder = join(lab, `mine-${name}`);
    await mkdir(folder);
    const text = `apiVersion: bowline/v1\nextends: ${name}\nname: mine\nversion: "1"\nhostname: mine\n`;
    await writeFile(join(folder, 'bowl.yaml'), text);
    expect(await bowline(['validate', folder])).toMatchObject({ exitCode: 0 });
  });
});

/** What a container image of each distribution looks like to Bowline: os-release and the programs of its package manager. */
const DISTRIBUTIONS = {
  'ubuntu-24.04': {
    osRelease: 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
    programs: ['usr/bin/apt-get'],
    manager: 'apt',
    install: /^apt-get .* install -- .*openssh-server/,
  },
  'rocky-9': {
    osRelease: 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.6"\n',
    programs: ['usr/bin/dnf-3', 'usr/bin/rpm'],
    manager: 'dnf',
    install: /^dnf .* install .*openssh-server/,
  },
  fedora: {
    osRelease: 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=43\n',
    programs: ['usr/bin/dnf5', 'usr/bin/rpm'],
    manager: 'dnf',
    install: /^dnf .* install .*openssh-server/,
  },
  'opensuse-leap': {
    osRelease: 'NAME="openSUSE Leap"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="16.0"\n',
    programs: ['usr/bin/zypper', 'usr/bin/rpm'],
    manager: 'zypper',
    install: /^zypper .* install .*openssh-server/,
  },
  alpine: {
    osRelease: 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.2\n',
    programs: ['sbin/apk'],
    manager: 'apk',
    install: /^apk .*add .*openssh/,
  },
} as const;

/** A tar of files with these texts. */
function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [path, text] of Object.entries(files)) {
    const bytes = new TextEncoder().encode(text);
    const meta = { mode: 0o755, uid: 0, gid: 0, mtime: 1_700_000_000, deviceMajor: 0, deviceMinor: 0 };
    parts.push(encodeHeader({ path, type: 'file', size: bytes.length, linkname: '', ...meta, xattrs: NO_XATTRS }));
    parts.push(bytes, new Uint8Array(tarPadding(bytes.length)));
  }
  return Buffer.concat([...parts, TAR_END]);
}

async function writeBaseImage(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const tar = tarOf(files);
  await writeOciLayout({
    folder,
    image: { architecture: 'amd64' },
    layers: [
      {
        mediaType: MEDIA_TYPES.ociLayer,
        diffId: `sha256:${createHash('sha256').update(tar).digest('hex')}`,
        async *open() {
          yield tar;
        },
      },
    ],
    tag: 'latest',
  });
}

describe('a ready bowl on an image that cannot be fetched here', () => {
  /** The bowl as a user would write it who has the image in a folder; packages are left out where only the base is to be resolved. */
  async function extended(
    name: keyof typeof DISTRIBUTIONS,
    programs: readonly string[] = DISTRIBUTIONS[name].programs,
  ): Promise<{ folder: string; bowl: Bowl }> {
    const folder = await mkdtemp(join(lab, 'planned-'));
    const { osRelease } = DISTRIBUTIONS[name];
    const binaries = Object.fromEntries(programs.map((path) => [path, '#!/bin/sh\n']));
    await writeBaseImage(join(folder, 'image'), { 'etc/os-release': osRelease, ...binaries });
    const text = `apiVersion: bowline/v1\nextends: ${name}\nname: mine\nversion: "1"\nbase: { image: "oci:image" }\n`;
    await writeFile(join(folder, 'bowl.yaml'), text);
    const loaded = await readBowl(join(folder, 'bowl.yaml'), PROJECT);
    if (!loaded.ok) throw new Error(loaded.problems.map((problem) => problem.message).join('\n'));
    return { folder, bowl: loaded.bowl };
  }

  it.each(Object.keys(DISTRIBUTIONS) as (keyof typeof DISTRIBUTIONS)[])(
    '%s is planned: base resolved, package manager chosen, its command line complete',
    async (name) => {
      const { folder, bowl } = await extended(name);
      const { manager: kind, install } = DISTRIBUTIONS[name];
      const store = await LocalBlobStore.open(join(folder, 'store'));
      const scratch = join(folder, 'scratch');
      await mkdir(scratch);
      const signal = new AbortController().signal;
      const host = nodeHost();
      const options = { store, scratch, host, limits: DEFAULT_LAYER_LIMITS, plainHttpRegistries: [], signal };
      const resolved = await resolveBowl({
        ...options,
        bowl: { ...bowl, packages: [], kernel: 'base' },
        bowlFolder: folder,
        lock: undefined,
        locked: false,
        offline: true,
        update: false,
        toolbox: () => Promise.reject(new Error('no toolbox is needed to plan')),
        progress: silentProgress,
      });
      const base = resolved.arch.amd64?.base ?? [];
      expect(base).toHaveLength(1);
      const reader = treeReader(await readTree(base, options), store);
      const osRelease = new TextDecoder().decode(await reader.read('etc/os-release'));
      const isFile = (path: string): boolean => {
        const at = path.lastIndexOf('/');
        return reader.list(path.slice(0, at)).some((entry) => entry.name === path.slice(at + 1));
      };
      const manager = choosePackageManager(osRelease, { isFile }, name);
      expect(manager.kind).toBe(kind);
      expect(bowl.packages.length).toBeGreaterThan(2);
      const argv = manager.installArgv(bowl.packages);
      expect(argv.join(' ')).toMatch(install);
      for (const wanted of bowl.packages) expect(argv).toContain(wanted);
      // Nothing may ask: nobody is there to answer.
      const asksNothing = /-y\b|--assumeyes|--non-interactive|--no-interactive|^apk /;
      expect(argv.join(' ')).toMatch(asksNothing);
      // A container has no kernel: the bowl brings one.
      expect(bowl.kernel).toMatchObject({ debian: { suite: 'trixie' } });
    },
  );

  it.each(['ubuntu-24.04', 'alpine'] as const)('%s without its package manager is refused by name', async (name) => {
    const { folder } = await extended(name, []);
    const run = await bowline(['build', folder, '--json', '--out', join(folder, 'out')]);
    const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string; hint: string } };
    expect([run.exitCode, error.code]).toEqual([2, 'PACKAGE_MANAGER_MISSING']);
    expect(error.message).toContain('apt-get');
    expect(error.hint).toContain('files:');
  });
});
