import { AgentError } from '../error.ts';

/** What an entity is, and so which file it belongs into. */
export const ENTITY_FILES = {
  user: '/etc/passwd',
  group: '/etc/group',
  shadow: '/etc/shadow',
  gshadow: '/etc/gshadow',
} as const;
export type EntityKind = keyof typeof ENTITY_FILES;

/** One entity: its fields as text, lists joined by commas. Fields that are not given are not there. */
export interface Entity {
  kind: EntityKind;
  name: string;
  fields: ReadonlyMap<string, string>;
  /** Keys that mean nothing. */
  unknown: readonly string[];
}

const FIELDS: Readonly<Record<EntityKind, { name: string; others: readonly string[] }>> = {
  user: { name: 'username', others: ['password', 'uid', 'gid', 'group', 'info', 'homedir', 'shell'] },
  group: { name: 'group_name', others: ['password', 'gid', 'users'] },
  shadow: {
    name: 'username',
    others: [
      'password',
      'last_changed',
      'minimum_changed',
      'maximum_changed',
      'warn',
      'inactive',
      'expire',
      'reserved',
    ],
  },
  gshadow: { name: 'name', others: ['password', 'administrators', 'members'] },
};

/** Reads the YAML of an entity, in the words of mudler/entities. Throws AgentError ACCOUNT_INVALID. */
export async function readEntity(text: string): Promise<Entity> {
  const { parse } = await import('yaml');
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 10, logLevel: 'error' });
  } catch (error) {
    throw invalid('the entity is no YAML', error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('the entity is no YAML map');
  const map = new Map(Object.entries(value));
  const kind = map.get('kind');
  if (typeof kind !== 'string' || !isKind(kind)) {
    throw invalid('the entity has no kind: user, group, shadow or gshadow');
  }
  const { name: nameKey, others } = FIELDS[kind];
  const name = toText(map.get(nameKey), nameKey);
  if (name === undefined || name === '') throw invalid(`an entity of kind ${kind} needs ${nameKey}`);
  const fields = new Map<string, string>();
  for (const key of others) {
    const field = toText(map.get(key), key);
    if (field !== undefined) fields.set(key, field);
  }
  const unknown = [...map.keys()].filter((key) => key !== 'kind' && key !== nameKey && !others.includes(key));
  return { kind, name, fields, unknown };
}

/** A whole number of a field; undefined when it is not given, or -1: the next free one. Throws ACCOUNT_INVALID. */
export function numberField(entity: Entity, key: string): number | undefined {
  const text = entity.fields.get(key);
  if (text === undefined || text === '' || text === '-1') return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw invalid(`${key} of ${entity.name} is no number`);
}

/** A field with names separated by commas. */
export function listField(entity: Entity, key: string): string[] | undefined {
  return entity.fields
    .get(key)
    ?.split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function isKind(text: string): text is EntityKind {
  return text in ENTITY_FILES;
}

function toText(value: unknown, key: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map((item) => toText(item, key) ?? '').join(',');
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalid(`${key} of the entity is neither text nor number`);
}

function invalid(message: string, cause?: unknown): AgentError {
  const hint = 'An entity looks like `kind: group`, `group_name: app`, `gid: 900`, one key a line.';
  return new AgentError({ code: 'ACCOUNT_INVALID', message, hint, cause });
}
