import { describe, expect, it } from 'vitest';
import { budArgv, buildahStorage, keepLimits } from './buildah.ts';
import { dockerArgv } from './docker.ts';
import type { EngineBuild } from './engine.ts';
import { podmanArgv } from './podman.ts';
import { engineEnvironment, engineFailureHint } from './run-engine.ts';

const build: EngineBuild = {
  dockerfile: '/b/Dockerfile',
  contextFolder: '/s/context',
  target: 'final',
  args: { Z: '1', A: 'two words; $(reboot)' },
  arch: 'arm64',
};

describe('argument vectors', () => {
  it('of buildah keep to private storage, chroot isolation and a fixed time', () => {
    expect(budArgv(buildahStorage('/s', 'vfs'), build)).toEqual([
      'buildah',
      '--root',
      '/s/storage-vfs',
      '--runroot',
      '/s/run-vfs',
      '--storage-driver',
      'vfs',
      'bud',
      '--isolation',
      'chroot',
      '--layers=false',
      '--format',
      'oci',
      '--timestamp',
      '1767225600',
      '--os',
      'linux',
      '--arch',
      'arm64',
      '--target',
      'final',
      '--build-arg',
      'A=two words; $(reboot)',
      '--build-arg',
      'Z=1',
      '--file',
      '/b/Dockerfile',
      '--tag',
      'bowline-build',
      '/s/context',
    ]);
  });

  it('of buildah keep the limits of the process', () => {
    const text =
      'Max processes             96365                96365                processes \nMax open files            1024                 20000                files     \n';
    expect(keepLimits(text)).toEqual(['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=32768:32768']);
    expect(keepLimits('Max open files            unlimited            unlimited            files\n')).toEqual([]);
  });

  it('of podman export an OCI layout folder', () => {
    const argv = podmanArgv({ ...build, target: undefined, args: {} }, 'bowline-build:x', '/s/image');
    expect(argv.build).toEqual([
      'podman',
      'build',
      '--layers=false',
      '--format',
      'oci',
      '--timestamp',
      '1767225600',
      '--os',
      'linux',
      '--arch',
      'arm64',
      '--file',
      '/b/Dockerfile',
      '--tag',
      'bowline-build:x',
      '/s/context',
    ]);
    expect(argv.save).toEqual([
      'podman',
      'save',
      '--quiet',
      '--format',
      'oci-dir',
      '--output',
      '/s/image',
      'bowline-build:x',
    ]);
  });

  it('of docker export a docker-archive and take the tag away', () => {
    const argv = dockerArgv(build, 'bowline-build:x', '/s/image.tar');
    expect(argv.build).toEqual([
      'docker',
      'build',
      '--platform',
      'linux/arm64',
      '--target',
      'final',
      '--build-arg',
      'A=two words; $(reboot)',
      '--build-arg',
      'Z=1',
      '--file',
      '/b/Dockerfile',
      '--tag',
      'bowline-build:x',
      '/s/context',
    ]);
    expect(argv.save).toEqual(['docker', 'save', '--output', '/s/image.tar', 'bowline-build:x']);
    expect(argv.remove).toEqual(['docker', 'image', 'rm', 'bowline-build:x']);
  });
});

describe('an engine', () => {
  it('sees of the environment only what it needs', () => {
    expect(engineEnvironment({ HOME: '/h', SECRET_TOKEN: 'x', https_proxy: 'http://p', USER: '' }, '/s')).toEqual({
      TMPDIR: '/s',
      HOME: '/h',
      https_proxy: 'http://p',
    });
  });

  it.each([
    ['exec /bin/sh: exec format error', true, 'qemu-user-static'],
    ['cannot find newuidmap: exec: "newuidmap"', false, 'uidmap'],
    ['no space left on device', true, 'full'],
    ['could not find "netavark" in one of', true, 'apt-get install netavark'],
    ['anything else', true, 'last lines'],
  ])('explains %s', (message, isRoot, cure) => {
    expect(engineFailureHint(message, isRoot)).toContain(cure);
  });
});
