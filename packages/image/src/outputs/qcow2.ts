import { artefactStem, type Output } from './output.ts';

const TIMEOUT_MS = 1_800_000;

/** A qcow2 image (QEMU, KVM, OpenStack) of the same disk. */
export const qcow2Output: Output = {
  kind: 'qcow2',
  title: 'qcow2 image',
  async write({ image, scratch, disk, toolbox, signal }) {
    const name = `${artefactStem(image)}.qcow2`;
    const tools = await toolbox();
    await tools.run({
      // One coroutine keeps the clusters in order, so the same disk gives the same bytes.
      argv: [
        'qemu-img',
        'convert',
        '-m',
        '1',
        '-f',
        'raw',
        '-O',
        'qcow2',
        '-o',
        'compat=1.1,lazy_refcounts=off',
        '/in/disk.raw',
        `/out/${name}`,
      ],
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
