import { Bowl } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { buildNeeds } from './build-needs.ts';

const packages = (base: object, more: object = {}, request = { offline: false, isRoot: true }) =>
  buildNeeds({
    bowl: Bowl.parse({ apiVersion: 'bowline/v1', name: 'box', version: '1', base, ...more }),
    ...request,
  }).flatMap((need) => need.debianPackages);

describe('buildNeeds', () => {
  it('asks for nothing that the build does not use', () => {
    expect(packages({ rootfs: 'root.tar' })).toEqual(['bubblewrap', 'mmdebstrap']);
    expect(packages({ rootfs: 'root.tar' }, {}, { offline: true, isRoot: true })).toEqual(['bubblewrap']);
    expect(packages({ rootfs: 'root.tar' }, {}, { offline: true, isRoot: false })).toEqual(['bubblewrap', 'uidmap']);
  });

  it('asks for buildah where something is executed in a container', () => {
    expect(packages({ dockerfile: 'Dockerfile' })).toContain('buildah');
    expect(packages({ dockerfile: { engine: 'podman' } })).not.toContain('buildah');
    expect(packages({ rootfs: 'root.tar' }, { packages: ['nginx'] })).toContain('buildah');
    expect(packages({ debian: { suite: 'trixie' } }, { packages: ['nginx'] })).not.toContain('buildah');
  });
});
