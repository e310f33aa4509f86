import { loadMachineDocument } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { DATASOURCE_CONFIG, DATASOURCE_CONFIG_FILE } from './image-config.ts';

describe('configuration of the image itself', () => {
  it('is one that the agent accepts without a word', () => {
    const { document, problems } = loadMachineDocument({ path: DATASOURCE_CONFIG_FILE, text: DATASOURCE_CONFIG });
    expect(problems).toEqual([]);
    expect(Object.keys(document?.stages ?? {})).toEqual(['rootfs', 'network']);
  });
});
