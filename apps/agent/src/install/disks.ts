import type { Machine } from '../machine/machine.ts';
import type { InstallDisk } from './plan.ts';

/** Every disk of the machine, the largest first; the medium too, marked as such. Nothing is written. */
export function listDisks(_machine: Machine): Promise<InstallDisk[]> {
  return Promise.reject(new Error('not there yet'));
}
