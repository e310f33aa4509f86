import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { readAccounts } from './account-database.ts';
import { authorizeKeys } from './authorized-keys-file.ts';
import { fetchKeys, readKeySource } from './key-sources.ts';
import type { AuthorizedKey } from './ssh-key.ts';

/**
 * Lets a user in with these keys, each given as a source. Those that could be had are added, even if others could not;
 * then it throws for these. Returns whether anything changed. Throws AgentError STEP_FAILED | ACCOUNT_INVALID.
 */
export async function grantKeys(machine: Machine, name: string, sources: readonly string[]): Promise<boolean> {
  if (sources.length === 0) return false;
  const user = (await readAccounts(machine)).passwd.find(name);
  if (user === undefined) {
    throw new AgentError({
      code: 'ACCOUNT_INVALID',
      message: `there is no user ${JSON.stringify(name.slice(0, 64))} to give SSH keys to`,
      hint: 'Make the user in an earlier step (users).',
    });
  }
  const keys: AuthorizedKey[] = [];
  const failures: string[] = [];
  for (const text of sources) {
    try {
      keys.push(...(await fetchKeys(machine, readKeySource(text))));
    } catch (error) {
      if (!(error instanceof AgentError) || machine.signal.aborted) throw error;
      failures.push(error.message);
    }
  }
  const changed = keys.length > 0 && (await authorizeKeys(machine, user, keys));
  if (failures.length === 0) return changed;
  throw new AgentError({
    code: 'STEP_FAILED',
    message: `not all SSH keys of ${name} are there: ${failures.join('; ')}`,
    hint: 'Keys that were there before stay, and those that could be had were added.',
  });
}

/** The sources for people: never a key, nor what may be secret in an address. */
export function describeSources(sources: readonly string[]): string {
  const shown = sources.flatMap((text) => {
    try {
      const source = readKeySource(text);
      return source.kind === 'url' ? [source.shown] : [];
    } catch {
      return ['something that is no key'];
    }
  });
  const keys = sources.length - shown.length;
  return [...(keys > 0 ? [`${keys} ${keys === 1 ? 'key' : 'keys'}`] : []), ...shown].join(', ');
}
