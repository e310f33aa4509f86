import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from './machine.ts';

/**
 * Half an answer would be a wrong one: refuses to go on when a path of the machine is there and may not be read.
 *
 * @param what - what only root may see, such as `the configuration`
 * @throws AgentError NOT_ROOT
 */
export async function requireReadable(machine: Machine, path: string, what: string): Promise<void> {
  await access(machine.locate(path), constants.R_OK).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') return;
    throw new AgentError({ code: 'NOT_ROOT', message: `only root may see ${what}`, hint: 'Run it as root.' });
  });
}
