import { editEntity } from '../accounts/edit-entities.ts';
import type { Machine } from '../machine/machine.ts';
import { oneLine } from '../step-error.ts';
import { definePlugin } from './plugin.ts';

/** Writes entries of passwd(5), group(5), shadow(5) and gshadow(5), described in the YAML of mudler/entities. */
export const ensureEntities = definePlugin({
  key: 'ensure_entities',
  actions: (config) =>
    config.map((document) => ({
      summary: `ensure ${describeEntity(document)}`,
      run: (machine: Machine) => editEntity(machine, 'ensure', document),
    })),
});

/** Kind, name and file of an entity for a summary; looked for in the text, which is a template and no YAML yet. */
export function describeEntity({ entity, path }: { entity: string; path?: string | undefined }): string {
  const [, kind = 'an entry'] = /^\s*["']?kind["']?:\s*["']?([a-z]+)/m.exec(entity) ?? [];
  const [, name] = /^\s*["']?(?:user|group_)?name["']?:\s*["']?([^"'\n#]+)/m.exec(entity) ?? [];
  return oneLine([kind, ...(name ? [name.trim()] : []), ...(path ? [`in ${path}`] : [])].join(' '));
}
