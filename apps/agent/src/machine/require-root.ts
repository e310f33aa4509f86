import { AgentError } from '../error.ts';
import type { Machine } from './machine.ts';

/**
 * Refuses to begin what an ordinary user could not finish. On a machine that is a folder anybody may do anything.
 *
 * @param what - completes `only root ...`, such as `may change the boot menu`
 * @throws AgentError NOT_ROOT
 */
export function requireRoot(machine: Pick<Machine, 'root'>, what: string): void {
  if (machine.root !== '/' || process.getuid?.() === 0) return;
  throw new AgentError({ code: 'NOT_ROOT', message: `only root ${what}`, hint: 'Run it as root.' });
}
