import * as z from 'zod';
import { MachineConfig } from '../machine/schema.ts';
import { FileMode } from '../machine/step.ts';
import { cleanNode } from './json-schema.ts';

/**
 * JSON Schema (2020-12) of a cloud-config for editors, as text. It is as closed as the schema and lets write what is read
 * without a warning: modes as text, numbers and truth values in maps of texts.
 */
export function renderMachineJsonSchema(): string {
  const schema = z.toJSONSchema(MachineConfig, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      cleanNode(jsonSchema);
      if (zodSchema === FileMode) letModeBeText(jsonSchema);
      if (zodSchema instanceof z.ZodRecord) letValuesBePlain(jsonSchema);
    },
  });
  const { $schema, ...rest } = schema;
  const result = { $schema, title: 'cloud-config', ...rest };
  return `${JSON.stringify(result, null, 2)}\n`;
}

function letModeBeText(node: z.core.JSONSchema.BaseSchema): void {
  const { type: _type, minimum: _minimum, maximum: _maximum, ...rest } = node;
  for (const key of Object.keys(node)) delete node[key];
  Object.assign(node, rest, {
    anyOf: [
      { type: 'integer', minimum: 0, maximum: 0o7777 },
      { type: 'string', pattern: '^(0o)?[0-7]{1,5}$' },
    ],
  });
}

function letValuesBePlain(node: z.core.JSONSchema.BaseSchema): void {
  const values = node.additionalProperties;
  if (typeof values === 'object' && values.type === 'string') {
    node.additionalProperties = { ...values, type: ['string', 'number', 'boolean'] } as typeof values;
  }
}
