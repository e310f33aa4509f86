import { editEntity } from '../accounts/edit-entities.ts';
import type { Machine } from '../machine/machine.ts';
import { describeEntity } from './ensure-entities.ts';
import { definePlugin } from './plugin.ts';

/** Removes entries of passwd(5), group(5), shadow(5) and gshadow(5) by their kind and name. */
export const deleteEntities = definePlugin({
  key: 'delete_entities',
  actions: (config) =>
    config.map((document) => ({
      summary: `delete ${describeEntity(document)}`,
      run: (machine: Machine) => editEntity(machine, 'delete', document),
    })),
});
