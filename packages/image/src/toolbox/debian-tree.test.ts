import { describe, expect, it } from 'vitest';
import { type DebianTreeSpec, mmdebstrapArgv, parseReport } from './debian-tree.ts';
import { toolboxIdentity } from './toolbox-recipe.ts';

const APT = {
  archive: 'http://mirror.test/debian',
  security: undefined,
  keyring: undefined,
  options: '',
  authFolder: undefined,
  env: {},
};
const INPUTS = {
  aptConf: '/s/apt.conf',
  preferences: undefined,
  report: '/s/report',
  sources: ['deb …'],
  isRoot: false,
};

function argv(spec: Partial<DebianTreeSpec>, isRoot = false): string[] {
  const whole: DebianTreeSpec = {
    suite: 'trixie',
    arch: 'amd64',
    variant: 'minbase',
    include: [],
    excludeDocs: false,
    ...spec,
  };
  return mmdebstrapArgv(whole, APT, { ...INPUTS, isRoot });
}

describe('mmdebstrapArgv', () => {
  it('asks for an uncompressed tar of the architecture, and ends with suite, output and sources', () => {
    const made = argv({ arch: 'arm64', include: ['systemd', 'dash=0.5'] });
    expect(made).toEqual(
      expect.arrayContaining(['--mode=unshare', '--architectures=arm64', '--format=tar', '--include=systemd,dash=0.5']),
    );
    expect(made.slice(-3)).toEqual(['trixie', '-', 'deb …']);
    expect(argv({}, true)).toContain('--mode=root');
  });

  it('uses the hook that its variant runs', () => {
    const hooks = (variant: DebianTreeSpec['variant']) => argv({ variant }).filter((word) => word.includes('-hook='));
    expect(hooks('extract').every((hook) => hook.startsWith('--extract-hook='))).toBe(true);
    expect(hooks('minbase').every((hook) => hook.startsWith('--customize-hook='))).toBe(true);
  });

  it('leaves no folders of apt, whose owner would be the one of the machine that made the tree', () => {
    expect(argv({}).find((word) => word.startsWith('--skip='))).toContain('cleanup/apt');
    expect(argv({}).join(' ')).toContain('rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/archives/* ');
  });

  it('keeps licences when it leaves out documentation', () => {
    const words = argv({ excludeDocs: true });
    expect(words.indexOf('--dpkgopt=path-include=/usr/share/doc/*/copyright')).toBeGreaterThan(
      words.indexOf('--dpkgopt=path-exclude=/usr/share/doc/*'),
    );
  });
});

describe('parseReport', () => {
  it('reads names and versions from names of archives, epochs too', () => {
    const text = 'lock\npartial\nzstd_1.5.7+dfsg-1_amd64.deb\nqemu-utils_1%3a10.0.13+ds-0+deb13u1_amd64.deb\n';
    expect(parseReport(text, 'extract')).toEqual({ 'qemu-utils': '1:10.0.13+ds-0+deb13u1', zstd: '1.5.7+dfsg-1' });
  });

  it("reads them from dpkg's status", () => {
    const text = 'Package: zstd\nStatus: install ok installed\nVersion: 1.5\n\nPackage: dash\nVersion: 1:0.5\n';
    expect(parseReport(text, 'minbase')).toEqual({ dash: '1:0.5', zstd: '1.5' });
  });
});

describe('toolboxIdentity', () => {
  it('depends on names and versions, not on their order', () => {
    expect(toolboxIdentity({ b: '2', a: '1' })).toBe(toolboxIdentity({ a: '1', b: '2' }));
    expect(toolboxIdentity({ a: '1' })).not.toBe(toolboxIdentity({ a: '2' }));
  });
});
