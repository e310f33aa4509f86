import { readCpio } from '@bowline/formats';
import { describe, expect, it } from 'vitest';
import { machineCpio } from './machine-cpio.ts';

const facts = {
  imageId: 'sha256:ab',
  name: "o'brien",
  version: '1',
  slotBytes: 2 ** 30,
  recovery: true,
  trialSeconds: 900,
  cloudConfig: '#cloud-config\n',
};
const definitions = [{ name: '10-root-a.conf', text: '[Partition]\n' }];
const members = (debug: boolean) => readCpio(machineCpio({ ...facts, repartDefinitions: definitions, debug })).members;
const textOf = (path: string): string => {
  const data = members(false).find((member) => member.path === path);
  return new TextDecoder('latin1').decode(data !== undefined && 'data' in data ? data.data : new Uint8Array());
};

describe('machine archive', () => {
  it('holds what differs from image to image, for root only', () => {
    const files = members(false).filter(({ path }) => path.startsWith('etc/bowline'));
    expect(files.map(({ path }) => path)).toEqual([
      'etc/bowline',
      'etc/bowline/cloud-config',
      'etc/bowline/cloud-config/90-bowl.yaml',
      'etc/bowline/image.conf',
      'etc/bowline/repart.d',
      'etc/bowline/repart.d/10-root-a.conf',
    ]);
    expect(files[0]?.mode).toBe(0o700);
    expect(files[2]?.mode).toBe(0o600);
  });

  it('quotes for the shell', () => {
    expect(textOf('etc/bowline/image.conf')).toBe(
      "IMAGE_ID='sha256:ab'\nNAME='o'\\''brien'\nVERSION='1'\nSLOT_BYTES=1073741824\nRECOVERY=yes\nTRIAL_SECONDS=900\n",
    );
  });

  it('marks debug images, and only them', () => {
    expect(members(true).some(({ path }) => path === 'etc/bowline/debug')).toBe(true);
    expect(members(false).some(({ path }) => path === 'etc/bowline/debug')).toBe(false);
  });
});
