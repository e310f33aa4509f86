import { describeSources, grantKeys } from '../accounts/grant-keys.ts';
import type { Machine } from '../machine/machine.ts';
import { oneLine } from '../step-error.ts';
import { definePlugin } from './plugin.ts';

/** Adds SSH keys to `~/.ssh/authorized_keys` of users that exist; keys that are there stay. */
export const authorizedKeys = definePlugin({
  key: 'authorized_keys',
  actions: (config) =>
    Object.keys(config)
      .toSorted()
      .map((name) => {
        const sources = config[name] ?? [];
        return {
          summary: oneLine(`let ${name} in with ${describeSources(sources) || 'no keys'}`),
          run: async (machine: Machine) => ({ changed: await grantKeys(machine, name, sources) }),
        };
      }),
});
