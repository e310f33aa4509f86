import type { PartitionRequest } from '../disk/layout-request.ts';
import { partitionRequests } from '../disk/layout-request.ts';
import { AgentError } from '../error.ts';
import { definePlugin } from './plugin.ts';

/** Adds partitions to a disk with their file systems, then grows its last one. */
export const layout = definePlugin({
  key: 'layout',
  actions: (config) => {
    const { path, label, init_disk: isInit } = config.device;
    const disk = path?.trim() || (label === undefined || label.trim() === '' ? '' : `the disk with ${label.trim()}`);
    if (disk === '') throw invalid('device needs a path or a label');
    if (isInit === true && (path === undefined || path.trim() === '')) throw invalid('init_disk needs device.path');
    const requests = partitionRequests(config);
    const parts = [
      ...(isInit === true ? ['make a table if there is none'] : []),
      ...requests.map(describe),
      ...(config.expand_partition === undefined
        ? []
        : [`grow the last partition to ${size(config.expand_partition.size)}`]),
    ];
    if (parts.length === 0) return [];
    return [
      {
        summary: `lay out ${disk.startsWith('script://') ? 'the disk of a script' : disk}: ${parts.join(', ')}`,
        run: async (machine) => {
          const { applyLayout } = await import('../disk/apply-layout.ts');
          return applyLayout(machine, config, requests);
        },
      },
    ];
  },
});

function describe({ name, sizeMib, fileSystem }: PartitionRequest): string {
  return `add ${name} (${size(sizeMib)}, ${fileSystem})`;
}

function size(mib: number | undefined): string {
  return mib === undefined || mib === 0 ? 'all that is left' : `${mib} MiB`;
}

function invalid(why: string): AgentError {
  return new AgentError({ code: 'STEP_INVALID', message: `layout: ${why}.`, hint: 'See the reference of the step.' });
}
