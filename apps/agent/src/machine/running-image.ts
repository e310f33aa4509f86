import { readFile } from 'node:fs/promises';
import { RELEASE_FILE, RUNNING_IMAGE_FILE } from '@bowline/os-layout';
import { parseAssignments } from './assignments.ts';
import type { Machine } from './machine.ts';

/** What the machine runs; empty where it is not known, such as on a machine that is no image. */
export interface RunningImage {
  /** `sha256:...`, the ID of the image. */
  id: string;
  name: string;
  version: string;
}

/** Reads which image runs: what the initrd left says more than the image itself. */
export async function readRunningImage(machine: Machine): Promise<RunningImage> {
  const read = async (path: string) => parseAssignments(await readFile(machine.locate(path), 'utf8').catch(() => ''));
  const [running, release] = [await read(RUNNING_IMAGE_FILE), await read(`/${RELEASE_FILE}`)];
  return {
    id: running.get('IMAGE_ID') ?? '',
    name: running.get('NAME') ?? release.get('NAME') ?? '',
    version: running.get('VERSION') ?? release.get('VERSION') ?? '',
  };
}
