import * as z from 'zod';
import { RULES } from '../bowl/rules.ts';
import { Bowl } from '../bowl/schema.ts';

type JsonNode = Record<string, unknown>;

/** Keys of FieldMeta that mean nothing to an editor. */
const OWN_KEYS = [
  'secret',
  'merge',
  'identity',
  'relative',
  'shorthand',
  'aliases',
  'taughtAs',
  'mistakes',
  'separator',
  'dead',
  'modeUnlessGiven',
];

/**
 * JSON Schema (2020-12) of a bowl file for editors, as text. A file with `extends` may leave out what it inherits, so `base`,
 * `name` and `version` are required only without it. Rules that JSON Schema can say are in it.
 */
export function renderJsonSchema(): string {
  const schema = z.toJSONSchema(Bowl, { io: 'input', override: ({ jsonSchema }) => cleanNode(jsonSchema) }) as JsonNode;
  for (const rule of RULES) {
    if (rule.kind === 'exactly-one') {
      for (const node of objectsAt(schema, rule.path).filter((node) => hasAll(node, rule.keys))) {
        node['oneOf'] = rule.keys.map((key) => ({ required: [key] }));
      }
    }
    if (rule.kind === 'unique' && rule.key === undefined && rule.severity === 'error') {
      for (const node of nodesAt(schema, rule.path)) node['uniqueItems'] = true;
    }
  }
  const { $schema, required, ...rest } = schema;
  const always = ['apiVersion'];
  const whole = (required as string[]).filter((key) => !always.includes(key));
  const result = {
    $schema,
    title: 'Bowl',
    description: 'The declarative document of one operating system image.',
    ...rest,
    required: always,
    anyOf: [{ required: ['extends'] }, { required: whole }],
  };
  return `${JSON.stringify(result, null, 2)}\n`;
}

/** Puts what an editor understands in the place of what only the loader does. */
export function cleanNode(node: z.core.JSONSchema.BaseSchema): void {
  // The editor's word for "do not show it".
  if (node['secret'] === true) node.writeOnly = true;
  if (typeof node['dead'] === 'string') node.deprecated = true;
  for (const key of OWN_KEYS) delete node[key];
}

/** Schema nodes of a path such as `firmware[].rootfs`, through every option. */
function nodesAt(root: JsonNode, path: string): JsonNode[] {
  let nodes = [root];
  for (const [, key, item] of path.matchAll(/([^.[\]]+)|(\[\])/g)) {
    nodes = nodes.flatMap(expand).flatMap((node) => {
      const next = item ? node['items'] : (node['properties'] as JsonNode | undefined)?.[key ?? ''];
      return next ? [next as JsonNode] : [];
    });
  }
  return nodes;
}

function objectsAt(root: JsonNode, path: string): JsonNode[] {
  return nodesAt(root, path).flatMap(expand);
}

function expand(node: JsonNode): JsonNode[] {
  const options = (node['anyOf'] ?? node['oneOf']) as JsonNode[] | undefined;
  return options ? options.flatMap(expand) : [node];
}

function hasAll(node: JsonNode, keys: readonly string[]): boolean {
  const properties = (node['properties'] ?? {}) as JsonNode;
  return keys.every((key) => Object.hasOwn(properties, key));
}
