import { describe, expect, it } from 'vitest';
import type { UkiStep } from '../build/plan.ts';
import { commandLines, liveLabel } from './seal-uki.ts';

const HASH = '0123456789abcdef'.repeat(4);
const STEP: UkiStep = {
  kind: 'uki',
  arch: 'amd64',
  rootHash: HASH,
  kernelVersion: '6.12.0',
  initrd: `sha256:${'d'.repeat(64)}`,
  name: 'edge',
  version: '1',
  imageId: `sha256:${'e'.repeat(64)}`,
  kernelArguments: ['net.ifnames=0'],
  cloudConfig: undefined,
  slotBytes: 2 ** 30,
  recovery: true,
  debug: false,
  trialSeconds: 900,
  signer: undefined,
  toolbox: `sha256:${'c'.repeat(64)}`,
};

describe('the command lines of a UKI', () => {
  it('all name the root by its hash, and end with the arguments of the bowl', () => {
    for (const line of Object.values(commandLines(STEP))) {
      expect(line).toContain(`roothash=${HASH}`);
      expect(line).toMatch(/ net\.ifnames=0$/);
    }
  });

  it('differ by where the root comes from', () => {
    const lines = commandLines(STEP);
    expect(new Set(Object.values(lines)).size).toBe(5);
    expect(lines.live).toContain(liveLabel(HASH));
    expect(lines.disk).not.toContain(liveLabel(HASH));
  });

  it('open no shell unless the image is for debugging', () => {
    const [plain, debug] = [commandLines(STEP), commandLines({ ...STEP, debug: true })];
    for (const mode of ['disk', 'live', 'recovery', 'reset', 'netboot'] as const) {
      expect(plain[mode]).not.toContain('ttyS1');
      expect(debug[mode]).toContain('ttyS1');
    }
  });
});

describe('the label of a live medium', () => {
  it('is a volume ID of ISO 9660: at most 32 of A-Z, 0-9 and _, another for every root', () => {
    expect(liveLabel(HASH)).toMatch(/^[A-Z0-9_]{1,32}$/);
    expect(liveLabel(HASH)).not.toBe(liveLabel('f'.repeat(64)));
  });
});
