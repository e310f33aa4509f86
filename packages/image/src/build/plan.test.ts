import type { Digest } from '@bowline/host';
import { Bowl, lifecycleOfBowl } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { planRoot, type RootStep, stepKey, type UkiStep } from './plan.ts';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const LAYERS: RootStep['layers'] = [
  { diffId: digest('a'), foreign: false },
  { diffId: digest('b'), foreign: true },
];

function bowlWith(more: Record<string, unknown> = {}): Bowl {
  const base = { rootfs: 'root.tar' };
  return Bowl.parse({ apiVersion: 'bowline/v1', name: 'edge', version: '1', base, ...more });
}

function plan(more: Record<string, unknown> = {}, files: Record<string, string> = {}): RootStep {
  return planRoot(bowlWith(more), 'amd64', LAYERS, files, digest('7'), digest('c'));
}

const UKI: UkiStep = {
  kind: 'uki',
  arch: 'amd64',
  rootHash: '1'.repeat(64),
  kernelVersion: '6.12.0',
  initrd: digest('d'),
  name: 'edge',
  version: '1',
  imageId: digest('e'),
  kernelArguments: [],
  cloudConfig: undefined,
  slotBytes: 2 ** 30,
  recovery: true,
  debug: false,
  trialSeconds: 900,
  signer: undefined,
  toolbox: digest('c'),
};

describe('the plan of a root', () => {
  it('holds layers, configuration, files and toolbox, and nothing else', () => {
    expect(plan({ files: [{ path: '/etc/motd', source: 'motd' }] }, { motd: digest('f') })).toEqual({
      kind: 'root',
      arch: 'amd64',
      layers: LAYERS,
      configuration: {
        files: [expect.objectContaining({ path: '/etc/motd', source: 'motd' })],
        users: [],
        systemd: { enable: [], disable: [], mask: [] },
        version: '1',
        hostname: 'edge',
        lifecycle: lifecycleOfBowl(bowlWith()),
        trustedKeys: [],
      },
      files: { motd: digest('f') },
      runtime: digest('7'),
      toolbox: digest('c'),
    });
  });

  it.each([
    ['kernel arguments', { kernelArguments: ['quiet'] }],
    ['outputs', { outputs: ['raw'] }],
    ['the cloud-config', { cloudConfig: { inline: '#cloud-config\n' } }],
    ['the description', { description: 'for people' }],
    ['the slot size', { disk: { slot: '4 GiB', smallest: '32 GiB' } }],
  ])('is the same when only %s differ', (_what, more) => {
    expect(stepKey(plan(more))).toBe(stepKey(plan()));
  });

  it('does not depend on a cloud-config in a file', () => {
    const more = { cloudConfig: { file: 'cloud.yaml' } };
    const keys = ['1', '2'].map((letter) => stepKey(plan(more, { 'cloud.yaml': digest(letter) })));
    expect(new Set([...keys, stepKey(plan())]).size).toBe(1);
  });

  it.each([
    ['the version', { version: '2' }],
    ['the host name', { hostname: 'edge-2' }],
    ['the name, which is the host name too', { name: 'edge-2' }],
    ['a user', { users: [{ name: 'ada' }] }],
    ['a unit', { systemd: { mask: ['a.timer'] } }],
    ['a file', { files: [{ path: '/etc/motd', content: 'x' }] }],
    ['a check', { checks: { ssh: true } }],
    ['a source of upgrades', { upgrade: { source: 'registry.example.org/edge' } }],
  ])('is another with %s', (_what, more) => {
    expect(stepKey(plan(more))).not.toBe(stepKey(plan()));
  });

  it('is another with other layers, another order of them, another toolbox or architecture', () => {
    const bowl = bowlWith();
    const keys = [
      planRoot(bowl, 'amd64', LAYERS, {}, digest('7'), digest('c')),
      planRoot(bowl, 'amd64', LAYERS.toReversed(), {}, digest('7'), digest('c')),
      planRoot(bowl, 'amd64', LAYERS.slice(1), {}, digest('7'), digest('c')),
      planRoot(
        bowl,
        'amd64',
        LAYERS.map((layer) => ({ ...layer, foreign: false })),
        {},
        digest('7'),
        digest('c'),
      ),
      planRoot(bowl, 'amd64', LAYERS, {}, digest('7'), digest('0')),
      planRoot(bowl, 'amd64', LAYERS, {}, digest('8'), digest('c')),
      planRoot(bowl, 'arm64', LAYERS, {}, digest('7'), digest('c')),
    ].map(stepKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('is another when a file beside the bowl has other content', () => {
    for (const more of [{ files: [{ path: '/etc/motd', source: 'motd' }] }, { upgrade: { trustedKeys: ['motd'] } }]) {
      expect(stepKey(plan(more, { motd: digest('1') }))).not.toBe(stepKey(plan(more, { motd: digest('2') })));
    }
  });
});

describe('the key of a step', () => {
  it('does not depend on the order of properties', () => {
    const shuffled = Object.fromEntries(Object.entries(UKI).toReversed()) as unknown as UkiStep;
    expect(stepKey(shuffled)).toBe(stepKey(UKI));
  });

  it('changes with every property of a UKI', () => {
    const others: Partial<UkiStep>[] = [
      { arch: 'arm64' },
      { rootHash: '2'.repeat(64) },
      { kernelVersion: '6.13.0' },
      { initrd: digest('0') },
      { name: 'other' },
      { version: '2' },
      { imageId: digest('0') },
      { kernelArguments: ['quiet'] },
      { cloudConfig: '' },
      { slotBytes: 2 ** 31 },
      { recovery: false },
      { debug: true },
      { trialSeconds: 901 },
      { signer: digest('9') },
      { toolbox: digest('0') },
    ];
    const covered = new Set(others.flatMap((one) => Object.keys(one)));
    expect(Object.keys(UKI).filter((key) => !covered.has(key))).toEqual(['kind']);
    const keys = [UKI, ...others.map((one) => ({ ...UKI, ...one }))].map(stepKey);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
