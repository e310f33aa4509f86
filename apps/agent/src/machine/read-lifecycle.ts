import { readFile } from 'node:fs/promises';
import { LIFECYCLE_FILE } from '@bowline/os-layout';
import { type LifecycleDocument, parseLifecycle } from '@bowline/spec';
import type { Machine } from './machine.ts';

/** Of an image whose maker knew nothing of checks: it is healthy when the agent runs. */
const NOTHING_ASKED: LifecycleDocument = {
  lifecycleVersion: 1,
  withinSeconds: 600,
  checks: [],
  allowDowngrade: false,
  hooks: { beforeUpgrade: [], afterRollback: [] },
};

/** What the bowl of the running image says of health and upgrades. Throws SpecError LIFECYCLE_INVALID. */
export async function readLifecycle(machine: Machine): Promise<LifecycleDocument> {
  let text: string;
  try {
    text = await readFile(machine.locate(LIFECYCLE_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING_ASKED;
    throw error;
  }
  return parseLifecycle(text, LIFECYCLE_FILE);
}
