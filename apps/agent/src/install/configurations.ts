import type { Machine } from '../machine/machine.ts';
import type { ConfigurationText } from './wish.ts';

/**
 * The configurations that were given to this live machine and are not part of its image: user data, files of the
 * medium, what the kernel command line names. They become those of the installed system.
 */
export function collectConfigurations(_machine: Machine): Promise<ConfigurationText[]> {
  return Promise.reject(new Error('not there yet'));
}
