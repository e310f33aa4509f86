import type { UserStep } from '@bowline/spec';
import { describeSources, grantKeys } from '../accounts/grant-keys.ts';
import { provisionUser } from '../accounts/provision-user.ts';
import { readUserRequest } from '../accounts/user-request.ts';
import type { Machine } from '../machine/machine.ts';
import { oneLine } from '../step-error.ts';
import { definePlugin, type Outcome } from './plugin.ts';

/**
 * Makes users, in the order of their names, so that the same configuration gives the same numbers. Of users that exist
 * only password and keys change. A user whose entry is wrong fails alone.
 */
export const users = definePlugin({
  key: 'users',
  actions: (config) => {
    const names = Object.keys(config).toSorted();
    const reserved = (own: string) =>
      new Set(names.flatMap((name) => (name !== own && config[name]?.uid ? [Number(config[name].uid)] : [])));
    return names.map((name) => {
      const step = config[name] ?? {};
      return {
        summary: oneLine(summarize(name, step)),
        run: (machine: Machine) => makeUser(machine, name, step, reserved(name)),
      };
    });
  },
});

async function makeUser(
  machine: Machine,
  key: string,
  step: UserStep,
  reserved: ReadonlySet<number>,
): Promise<Outcome> {
  const request = readUserRequest(key, step);
  const { changed, notes } = await provisionUser(machine, request, reserved);
  const granted = await grantKeys(machine, request.name, request.keys);
  return { changed: changed || granted, ...(notes.length > 0 ? { note: notes.join('; ') } : {}) };
}

function summarize(name: string, step: UserStep): string {
  const details = [
    ...(step.uid ? [`uid ${step.uid}`] : []),
    ...(step.groups?.length ? [`groups ${step.groups.join(', ')}`] : []),
    ...(step.lock_passwd ? ['password locked'] : step.passwd ? ['with a password'] : []),
    ...(step.ssh_authorized_keys?.length ? [`SSH: ${describeSources(step.ssh_authorized_keys)}`] : []),
  ];
  return `ensure user ${step.name || name}${details.length > 0 ? ` (${details.join('; ')})` : ''}`;
}
