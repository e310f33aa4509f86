import { artefactStem, type Output } from './output.ts';

const TIMEOUT_MS = 3_600_000;

/** The disk image compressed with zstd, for a download: holes cost nothing. */
export const rawZstOutput: Output = {
  kind: 'raw-zst',
  title: 'Compressed disk image',
  async write({ image, scratch, disk, toolbox, signal }) {
    const name = `${artefactStem(image)}.raw.zst`;
    const tools = await toolbox();
    await tools.run({
      // The root is compressed already: a higher level costs time and wins nothing.
      argv: ['zstd', '-q', '-3', '-T2', '/in/disk.raw', '-o', `/out/${name}`],
      binds: [
        { source: (await disk()).path, target: '/in/disk.raw', writable: false },
        { source: scratch, target: '/out', writable: true },
      ],
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    return [name];
  },
};
